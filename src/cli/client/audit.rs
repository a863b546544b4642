//! The audit, as it is asked for.

use std::io::{self, Write};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, ClientError};

impl Client {
    /// The newest entries that match, at most so many.
    pub fn audit(
        &self,
        query: &[(&str, Option<&str>)],
        limit: usize,
    ) -> Result<Vec<Box<RawValue>>, ClientError> {
        #[derive(Deserialize)]
        struct Page {
            entries: Vec<Box<RawValue>>,
            next_page_token: Option<String>,
        }

        let (mut all, mut next) = (Vec::new(), None::<String>);
        loop {
            let mut query = query.to_vec();
            query.push(("page_token", next.as_deref()));
            let page: Page = self.get("/v1/audit", &query)?;
            all.extend(page.entries);
            if all.len() >= limit || page.next_page_token.is_none() {
                all.truncate(limit);
                return Ok(all);
            }
            next = page.next_page_token;
        }
    }

    /// Copies an answer byte for byte, however long it is.
    pub fn copy(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
        to: &mut impl Write,
    ) -> Result<io::Result<u64>, ClientError> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.query_pairs(query.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        let answer = self.accept(self.authorize(request).call())?;
        let copied = io::copy(&mut answer.into_body().into_with_config().limit(u64::MAX).reader(), to);
        Ok(copied.and_then(|copied| to.flush().map(|()| copied)))
    }
}
