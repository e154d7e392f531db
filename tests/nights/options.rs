//! The command line: its own options, and as much of the standard harness as `cargo test` passes on.

/// What is asked for.
#[derive(Default)]
pub(crate) struct Options {
    /// The long form.
    pub(crate) is_long: bool,
    /// Whether the tables of docs/RELIABILITY.md are written instead of compared.
    pub(crate) writes: bool,
    /// Whether only the names of tests are wanted.
    pub(crate) lists: bool,
    /// Whether something else is wanted.
    pub(crate) is_filtered_out: bool,
}

const NAME: &str = "nights";
/// Options of the standard harness that take a value.
const WITH_VALUE: [&str; 4] = ["--test-threads", "--format", "--color", "--logfile"];

impl Options {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        let mut filters = Vec::new();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--long" => options.is_long = true,
                "--write" => options.writes = true,
                "--list" => options.lists = true,
                "--ignored" => options.is_filtered_out = true,
                "--skip" => options.is_filtered_out |= arguments.next().is_some_and(|it| NAME.contains(&it)),
                option if WITH_VALUE.contains(&option) => drop(arguments.next()),
                option if option.starts_with('-') => {}
                filter => filters.push(NAME.contains(filter)),
            }
        }
        options.is_filtered_out |= !filters.is_empty() && !filters.contains(&true);
        options
    }
}
