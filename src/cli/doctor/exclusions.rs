//! Pull-time update exclusions: ECR records reads of manifests as pulls of whoever is not excluded.

use super::check::Check;
use crate::cli::session::Session;
use crate::registry::CallErrorKind;
use crate::registry::caller::Caller;
use crate::registry::inspection::InspectRegistry as _;
use crate::util::sanitize;
use crate::util::shell::quoted;

const SUBJECT: &str = "Pull times";

/// Whether the caller and these roles are excluded.
pub(super) async fn look(session: &Session, caller: Option<&Caller>, roles: &[String]) -> Vec<Check> {
    let exclusions = match session.deadline.call(session.ecr.pull_time_exclusions()).await {
        Ok(exclusions) => exclusions,
        Err(error) => {
            let remedy = match error.kind {
                CallErrorKind::AccessDenied => "; to check it, allow ecr:ListPullTimeUpdateExclusions",
                _ => "",
            };
            let text = format!("not checked: {error}{remedy}");
            let check = Check::warn(SUBJECT, sanitize::line(&text));
            return vec![match error.is_access_denied() {
                true => check.fixed_by("ecr-janitor iam-policy --for doctor"),
                false => check,
            }];
        }
    };
    let own = match caller.map(|caller| Principal::of(&caller.arn)) {
        Some(Some(principal)) => judge(session, &exclusions, &principal),
        _ => Check::warn(
            SUBJECT,
            "not checked: these credentials belong to no role or user that can be excluded",
        ),
    };
    let others = roles.iter().map(|role| match Principal::of(role) {
        Some(principal) => judge(session, &exclusions, &principal),
        None => judge(session, &exclusions, &Principal::role(role)),
    });
    [own].into_iter().chain(others).collect()
}

fn judge(session: &Session, exclusions: &[String], principal: &Principal) -> Check {
    let shown = sanitize::line(&format!("{} {}", principal.kind, principal.name));
    if exclusions.iter().any(|arn| principal.is(arn)) {
        return Check::ok(SUBJECT, format!("reads by the {shown} do not count as pulls"));
    }
    let text = format!(
        "reads by the {shown} count as pulls, for lifecycle rules too; where no memory tells them apart, they keep superseded images for another keep_pulled_within"
    );
    let command = format!(
        "aws ecr register-pull-time-update-exclusion --region {} --principal-arn {}",
        session.ecr.region(),
        principal.arn_for_a_shell()
    );
    Check::warn(SUBJECT, text).fixed_by(command)
}

/// A role or a user, as far as an ARN names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Principal {
    kind: &'static str,
    /// Without the path, which the ARN of a session does not have.
    name: String,
    account: Option<String>,
    /// The whole ARN, where it is known.
    arn: Option<String>,
}

impl Principal {
    /// The principal behind an ARN of IAM, or of a session of STS.
    fn of(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, service, _, account, resource] = parts.as_slice() else { return None };
        let (kind, rest) = resource.split_once('/')?;
        let (kind, name, is_whole) = match (*service, kind) {
            ("iam", "role") => ("role", rest.rsplit('/').next()?, true),
            ("iam", "user") => ("user", rest.rsplit('/').next()?, true),
            ("sts", "assumed-role") => ("role", rest.split('/').next()?, false),
            _ => return None,
        };
        let arn = is_whole.then(|| arn.to_owned());
        Some(Self { kind, name: name.to_owned(), account: Some((*account).to_owned()), arn })
    }

    fn role(name: &str) -> Self {
        Self { kind: "role", name: name.to_owned(), account: None, arn: None }
    }

    /// Whether an exclusion is this principal's.
    fn is(&self, exclusion: &str) -> bool {
        Self::of(exclusion).is_some_and(|other| {
            let is_same = other.kind == self.kind && other.name == self.name;
            is_same && (self.account.is_none() || self.account == other.account)
        })
    }

    /// The ARN, or what a shell makes of it where its path is not known.
    fn arn_for_a_shell(&self) -> String {
        match &self.arn {
            Some(arn) => quoted(arn),
            None => format!(
                "\"$(aws iam get-role --role-name {} --query Role.Arn --output text)\"",
                quoted(&self.name)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_that_of_its_role_whatever_the_path_of_the_role() {
        let session = Principal::of("arn:aws:sts::123456789012:assumed-role/Admin/me@example").unwrap();
        assert_eq!((session.kind, session.name.as_str()), ("role", "Admin"));
        for (exclusion, is_its) in [
            ("arn:aws:iam::123456789012:role/Admin", true),
            ("arn:aws:iam::123456789012:role/aws-reserved/sso/Admin", true),
            ("arn:aws:iam::123456789012:user/Admin", false),
            ("arn:aws:iam::123456789012:role/Admins", false),
            ("arn:aws:iam::210987654321:role/Admin", false),
            ("Admin", false),
        ] {
            assert_eq!(session.is(exclusion), is_its, "{exclusion}");
        }
        assert!(session.arn_for_a_shell().contains("aws iam get-role --role-name Admin"));
    }

    #[test]
    fn a_role_is_found_by_name_and_by_arn() {
        let arn = "arn:aws:iam::123456789012:role/service/janitor";
        for role in [Principal::role("janitor"), Principal::of(arn).unwrap()] {
            assert!(role.is(arn));
        }
        assert_eq!(Principal::of(arn).unwrap().arn_for_a_shell(), arn);
        for other in ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/x", "x", ""]
        {
            assert_eq!(Principal::of(other), None, "{other}");
        }
    }
}
