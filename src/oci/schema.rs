//! JSON Schemas of types that do not describe themselves. The schemas are files; the tests compare those with the types.

/// Describes types by the schemas of what stands for them in JSON.
macro_rules! described {
    ($($type:ty, $name:literal = $schema:tt;)+) => { $(
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )+ };
}

pub(crate) use described;

/// A time in a document.
pub(crate) struct Time;

described! {
    Time, "Time" = {"type": "string", "format": "date-time", "description": "RFC 3339, in UTC."};
    crate::oci::digest::Digest, "Digest" = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"};
}
