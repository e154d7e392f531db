//! `POST /` with a form: `AssumeRole` and `GetCallerIdentity` of AWS STS.

use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;

use super::app_state::AppState;
use super::call::{Call, Protocol};
use super::connection::Disconnect;
use super::dispatch::dispatch;
use super::query::Query;
use super::{principal, signature};
use crate::digest;
use crate::error::ApiError;
use crate::settings::Settings;
use crate::state::{Session, State};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const PROTOCOL: Protocol = Protocol { refuse, garbage };
const HOUR: u64 = 3_600;

/// Whether a request has the content type of AWS's query protocol.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

/// A call is counted, and hit by faults, under its action. A rule's repository is the role here.
pub(super) async fn post(
    app: AppState,
    connection: Disconnect,
    headers: &HeaderMap,
    form: &Bytes,
) -> Response<Body> {
    let form = Query::read(std::str::from_utf8(form).ok());
    let action = form.get("Action").unwrap_or_default().to_owned();
    let role = form.get("RoleArn").map(str::to_owned);
    let principal = principal::access_key_id(headers);
    let registry = signature::registry_of_key(&app.emulator.state(), headers);
    let call = Call {
        name: action.clone(),
        action: format!("sts:{action}"),
        resource: role.clone().unwrap_or_else(|| "*".to_owned()),
        repositories: role.into_iter().collect(),
        registry: registry.clone(),
        principal: principal.clone(),
        permissions: Vec::new(),
    };
    dispatch(app, connection, call, PROTOCOL, move |emulator, n, _| {
        let mut state = emulator.state();
        let result = match action.as_str() {
            "AssumeRole" => assume_role(&mut state, &form),
            "GetCallerIdentity" => Ok(caller_identity(&state, principal.as_deref(), &registry)),
            other => Err(ApiError::client("InvalidAction", format!("Could not find operation {other}"))),
        };
        match result {
            Ok(result) => respond(StatusCode::OK, &format!("{action}Response"), &result, n),
            Err(error) => refuse(n, error),
        }
    })
    .await
}

/// Any caller can assume any role.
fn assume_role(state: &mut State, form: &Query) -> Result<String, ApiError> {
    let role_arn = form.get("RoleArn").unwrap_or_default();
    let name = form.get("RoleSessionName").unwrap_or_default();
    let (account, role) = read_role(role_arn).ok_or_else(|| invalid("roleArn", role_arn))?;
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(is_name) {
        return Err(invalid("roleSessionName", name));
    }
    let duration = form.get("DurationSeconds").map_or(Some(HOUR), |text| text.parse().ok());
    let duration = duration.filter(|seconds| (900..=12 * HOUR).contains(seconds));
    let duration = duration.ok_or_else(|| invalid("durationSeconds", "that"))?;
    let serial = state.next_serial();
    let secret = digest::sha256(format!("session {serial}").as_bytes()).split_off("sha256:".len());
    let key = format!("ASIA{}", secret[..16].to_ascii_uppercase());
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{name}");
    let session = Session { account: account.to_owned(), role_arn: role_arn.to_owned(), arn: arn.clone() };
    state.sessions.insert(key.clone(), session);
    // By the machine's clock, by which the SDKs judge it.
    let end = SystemTime::now() + Duration::from_secs(duration);
    let expiration = Timestamp::try_from(end).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ");
    Ok(format!(
        "<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA{}:{name}</AssumedRoleId><Arn>{arn}</Arn>\
         </AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{secret}</SessionToken><Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult>",
        &key[4..],
        &secret[..40]
    ))
}

/// Account and name of a role, without its path.
fn read_role(arn: &str) -> Option<(&str, &str)> {
    let (_, rest) = arn.strip_prefix("arn:aws")?.split_once(":iam::")?;
    let (account, path) = rest.split_once(":role/")?;
    let known = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let name = path.rsplit('/').next().filter(|name| !name.is_empty() && !name.contains(['<', '&']))?;
    known.then_some((account, name))
}

fn caller_identity(state: &State, principal: Option<&str>, registry: &Settings) -> String {
    let arn = state.caller_arn(principal, registry);
    let session = arn.rsplit('/').next().unwrap_or_default();
    format!(
        "<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AROAEMULATOR:{session}</UserId><Account>{}</Account>\
         </GetCallerIdentityResult>",
        registry.account
    )
}

fn invalid(member: &str, value: &str) -> ApiError {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint of the service model"
    );
    ApiError::client("ValidationError", message)
}

/// An error as STS writes it, with its own code for denied access.
fn refuse(n: u64, error: ApiError) -> Response<Body> {
    let denied = error.code == "AccessDeniedException";
    let (code, status) = if denied { ("AccessDenied", 403) } else { (error.code.as_str(), error.status) };
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    let message = error.message.replace('&', "&amp;").replace('<', "&lt;");
    let text = format!("<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    respond(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), "ErrorResponse", &text, n)
}

fn respond(status: StatusCode, root: &str, content: &str, n: u64) -> Response<Body> {
    let id = format!(
        "<ResponseMetadata><RequestId>{n:08x}-0000-4000-8000-000000000000</RequestId></ResponseMetadata>"
    );
    let body = format!("<{root} xmlns=\"{NAMESPACE}\">{content}{id}</{root}>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// A success whose body breaks off.
fn garbage(_: u64) -> Response<Body> {
    Response::new(Body::from("<AssumeRoleResponse><AssumeRoleRes"))
}
