//! Sessions of assumed roles.

/// The session that `AssumeRole` opened, known by its access key id.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) account: String,
    /// `arn:aws:iam::<account>:role/<name>`, for which policies are set.
    pub(crate) role_arn: String,
    /// `arn:aws:sts::<account>:assumed-role/<name>/<session>`.
    pub(crate) arn: String,
}
