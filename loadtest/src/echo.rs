//! The least that a gRPC server in this language can do with a Check: what the gate is measured against.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use holdpoint::ext_authz::proto::{
    CheckRequest, CheckResponse, OkHttpResponse, Status as Answer,
    authorization_server::{Authorization, AuthorizationServer},
    check_response::HttpResponse,
};
use tokio::{net::TcpListener, task::spawn_blocking};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

struct Echo;

#[tonic::async_trait]
impl Authorization for Echo {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(CheckResponse {
            status: Some(Answer::default()),
            http_response: Some(HttpResponse::OkResponse(OkHttpResponse::default())),
            dynamic_metadata: None,
        }))
    }
}

/// Serves on a free port until standard input ends, which it does when the parent is gone.
pub async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    let parent_gone = spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    Server::builder()
        .add_service(AuthorizationServer::new(Echo))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async {
            let _ended_or_broken = parent_gone.await;
        })
        .await?;
    Ok(())
}

/// An echo in a process of its own, as the gate is; it ends with this value.
pub struct EchoProcess {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl EchoProcess {
    /// Starts one.
    pub fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("echo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the echo does not start")?;
        let mut url = String::new();
        let stdout = child.stdout.take().context("the echo has no output")?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { child, url: url.trim_end().to_owned() })
    }
}

impl Drop for EchoProcess {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
