//! As much of Markdown as the documents use.

use std::fs;
use std::path::Path;

/// One document.
pub struct Document {
    /// Its path from the root of the project.
    pub name: String,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    pub language: String,
    /// The line of its fence.
    pub line: usize,
    pub text: String,
}

impl Document {
    pub fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: path.strip_prefix(root).unwrap().display().to_string(), text }
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open = false;
        for (n, line) in self.text.lines().enumerate() {
            match line.strip_prefix("```") {
                Some(language) => {
                    open = !open;
                    if open {
                        blocks.push(Block { language: language.into(), line: n + 1, text: String::new() });
                    }
                }
                None if open => {
                    let block = blocks.last_mut().expect("an open block");
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                None => {}
            }
        }
        assert!(!open, "{}: a block has no end", self.name);
        blocks
    }

    /// The lines outside of fenced blocks, numbered from 1.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut open = false;
        self.text.lines().enumerate().filter_map(move |(n, line)| {
            let fence = line.starts_with("```");
            open ^= fence;
            (!fence && !open).then_some((n + 1, line))
        })
    }

    pub fn headings(&self) -> Vec<String> {
        let heading =
            |line: &str| line.strip_prefix('#').map(|l| l.trim_start_matches('#').trim().to_owned());
        self.prose().filter_map(|(_, line)| heading(line)).collect()
    }

    /// The targets of all links, and their lines.
    pub fn links(&self) -> Vec<(usize, String)> {
        let targets = |line: &str| {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            targets.map(str::to_owned).collect::<Vec<_>>()
        };
        self.prose().flat_map(|(n, line)| targets(line).into_iter().map(move |target| (n, target))).collect()
    }

    /// What is set as code within the text.
    pub fn code_spans(&self) -> Vec<String> {
        self.prose().flat_map(|(_, line)| line.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
    }

    /// The code at the beginning of each row of the tables under a heading.
    pub fn first_column(&self, heading: &str) -> Vec<String> {
        let mut rows = Vec::new();
        let mut within = false;
        for (_, line) in self.prose() {
            if let Some(rest) = line.strip_prefix('#') {
                within = rest.trim_start_matches('#').trim() == heading;
            } else if let Some(name) = line.strip_prefix("| `").filter(|_| within) {
                rows.extend(name.split('`').next().map(str::to_owned));
            }
        }
        assert!(!rows.is_empty(), "{}: no table under {heading:?}", self.name);
        rows
    }
}

/// The fragment that leads to a heading.
pub fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
