//! What one HTTP request asks of an MCP server.

use super::json::Json;

/// What a request that was read with certainty asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// No message: a stream is opened, a session is ended, a preflight.
    Nothing,
    /// An answer by the client to something that the server asked (elicitation, sampling).
    Response,
    /// A JSON-RPC request or notification.
    Message(Message),
}

/// A JSON-RPC request or notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The method, unescaped.
    pub method: String,
    /// The id as sent; absent in a notification.
    pub id: Option<Json>,
    /// All parameters as sent; an empty object where there are none.
    pub params: Json,
    /// The tool, where the method is `tools/call`.
    pub tool: Option<Tool>,
}

/// The tool that a `tools/call` wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name, unescaped.
    pub name: String,
    /// Its arguments; an empty object where there are none.
    pub arguments: Json,
}
