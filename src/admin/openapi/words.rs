//! The texts that are one of a few words, or of one form. As types they only name a schema: there are no values of them.

use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::admin::error;
use crate::domain::act::Verb;
use crate::domain::approval::StateKind;
use crate::domain::audit::Event;
use crate::domain::decision::{ReasonCode, Role};

/// Each type, and the schema of its text.
macro_rules! texts {
    ($($name:ident: $schema:expr;)*) => {$(
        pub(in crate::admin) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.schema_type(Type::String).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

texts! {
    StateWord: one_of(StateKind::ALL.map(StateKind::as_str));
    StateFilter: one_of(StateKind::ALL.map(StateKind::as_str).into_iter().chain(["all"]));
    OrderWord: one_of(["oldest", "newest"]);
    VerbWord: one_of(Verb::WORDS);
    ReasonCodeWord: one_of(ReasonCode::ALL.map(ReasonCode::as_str));
    RoleWord: one_of(Role::ALL.map(|role| role.as_str()));
    EventWord: one_of(crate::admin::wire::events());
    OutcomeWord: one_of(Event::ALL.iter().map(|event| event.as_str()));
    FormatWord: one_of(["jsonl", "csv"]);
    ProblemType: one_of(error::types());
    QueueText: like("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$");
    ChainText: like(r"^(\(system\)|[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)$");
    IdText: like("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?-[0-9a-f]{32}$");
    FingerprintText: like("^[0-9a-f]{64}$");
    IncarnationText: like("^[0-9a-f]{40}$");
    KeyText: ObjectBuilder::new().format(Some(SchemaFormat::Custom("uuid".to_owned())));
    WaitText: like("^([1-9]|[1-5][0-9]|60)s$");
}

fn one_of(words: impl IntoIterator<Item = impl Into<String>>) -> ObjectBuilder {
    ObjectBuilder::new().enum_values(Some(words.into_iter().map(Into::into)))
}

fn like(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().pattern(Some(pattern))
}
