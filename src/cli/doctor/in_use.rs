//! The sources of images in use: each is read to its end.

use super::check::Check;
use crate::cli::session::Session;
use crate::render::words::counted;
use crate::report::usage::SourceUsage;
use crate::util::sanitize;

const IN_USE: &str = "In use";

pub(super) async fn look(session: &Session) -> Vec<Check> {
    if session.in_use.is_empty() {
        return Vec::new();
    }
    let account = session.run.account.as_deref();
    let usage = session.in_use.read(account, session.clock.now(), &session.deadline).await;
    usage.sources.iter().map(of_source).collect()
}

fn of_source(SourceUsage { source, images, elsewhere, detail, .. }: &SourceUsage) -> Check {
    let source = sanitize::line(source);
    match detail {
        Some(detail) => Check::fail(IN_USE, format!("{source}: {detail}")),
        None => {
            let mut text = format!("{source} names {} that may be here", counted(*images, "image"));
            if *elsewhere > 0 {
                text.push_str(&format!(", and {} of other registries or Regions", elsewhere));
            }
            Check::ok(IN_USE, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::Status;

    #[test]
    fn a_source_is_read_or_says_why_not() {
        let read = SourceUsage { images: 1, elsewhere: 2, ..SourceUsage::new("lambda".to_owned()) };
        let check = of_source(&read);
        let text = "lambda names 1 image that may be here, and 2 of other registries or Regions";
        assert_eq!((check.status, check.text.as_str()), (Status::Ok, text));
        let failed = of_source(&SourceUsage::failed("ecs".to_owned(), "why".to_owned()));
        assert_eq!((failed.status, failed.text.as_str()), (Status::Fail, "ecs: why"));
    }
}
