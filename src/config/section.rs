//! One declaration a key: a section's values, their defaults, and the patch in which each may be missing.

/// Declares a section of the configuration and its patch.
///
/// The patch is what a file, an override or the environment gives of the section. `from` names the type that reads
/// and checks the key's value; it converts into the type of the section's field.
macro_rules! section {
    (
        $(#[$attribute:meta])*
        pub struct $section:ident, $patch:ident {
            $( $(#[$doc:meta])* $key:ident: $type:ty = $default:expr, from $raw:ty; )+
        }
    ) => {
        $(#[$attribute])*
        pub struct $section {
            $( $(#[$doc])* pub $key: $type, )+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        #[doc = concat!("Any of the keys of [`", stringify!($section), "`].")]
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $patch {
            $( $(#[$doc])* pub(super) $key: Option<$raw>, )+
        }

        impl $patch {
            /// The keys, as they are written in the file.
            pub(super) const KEYS: &'static [&'static str] = &[$( stringify!($key) ),+];

            /// Puts the keys that are given into the section.
            #[allow(clippy::useless_conversion, reason = "some keys are read by the type of their field")]
            pub(super) fn apply(&self, section: &mut $section) {
                $( if let Some(value) = &self.$key {
                    section.$key = value.clone().into();
                } )+
            }
        }
    };
}

/// Declares an enum that is written as one of a few words.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name {
            $( $(#[$doc])* #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// The value as it is written in the configuration.
            pub const fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const CHOICE: &[(&str, $name)] = &[$( ($word, $name::$variant) ),+];
                $crate::config::value::word(deserializer, CHOICE)
            }
        }
    };
}

pub(super) use {section, words};
