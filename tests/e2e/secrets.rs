//! Credentials stay out of everything that is printed or logged, at any level, also when calls fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::LocalFunction;
use serde_json::json;

use crate::harness::World;

/// What must never be seen. Each is recognised by its middle, however it is quoted.
const SECRETS: [&str; 5] = ["SECRETKEY", "SESSIONTOKEN", "CONTAINERTOKEN", "PASSWORD", "AWS4-HMAC-SHA256"];

/// A service that refuses every request, and quotes it in full, as AWS does where a signature does not match.
struct Refusing(SocketAddr);

impl Refusing {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(refuse));
        Self(address)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

fn refuse(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = reader.read_exact(&mut body);
    let headers = head.replace("\r\n", "\n");
    let message = format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'{headers}'\n"
    );
    let answer = json!({"__type": "InvalidSignatureException", "message": message}).to_string();
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    let _ = reader.into_inner().write_all([head.as_bytes(), answer.as_bytes()].concat().as_slice());
}

/// The ways credentials come in, each with what makes calls fail.
fn worlds(refusing: &Refusing) -> Vec<(&'static str, World)> {
    let url = refusing.url();
    let noisy = || {
        World::new()
            .with("RUST_LOG", "trace")
            .with("AWS_LAMBDA_LOG_LEVEL", "TRACE")
            .with("RUST_BACKTRACE", "1")
            .with("AWS_MAX_ATTEMPTS", "2")
            .with("AWS_ENDPOINT_URL", &url)
            .with("HOME", "/nonexistent")
    };
    let bare = || noisy().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let from_file = |variable: &str, text: &str| {
        let world = bare();
        std::fs::write(world.file("aws"), text).unwrap();
        let path = world.file("aws").display().to_string();
        world.with(variable, &path)
    };
    let keys = |world: World| {
        world
            .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .with("AWS_SECRET_ACCESS_KEY", "xSECRETKEYx")
            .with("AWS_SESSION_TOKEN", "xSESSIONTOKENx")
    };
    let container = |token: &str| {
        bare()
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{url}/credentials"))
            .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
    };
    let password = url.replace("http://", "http://user:xPASSWORDx@");
    vec![
        ("keys", keys(noisy())),
        ("keys with an illegal token", keys(noisy()).with("AWS_SESSION_TOKEN", "xSESSIONTOKENx\nx")),
        ("an endpoint with a password", keys(noisy()).with("AWS_ENDPOINT_URL", &password)),
        (
            "an endpoint with a password where nobody listens",
            keys(noisy()).with("AWS_ENDPOINT_URL", "http://user:xPASSWORDx@127.0.0.1:1"),
        ),
        ("an endpoint that is none", keys(noisy()).with("AWS_ENDPOINT_URL", "http://user:xPASSWORDx@[")),
        (
            "a broken credentials file",
            from_file(
                "AWS_SHARED_CREDENTIALS_FILE",
                "[default]\naws_access_key_id = a\naws_secret_access_key xSECRETKEYx\n",
            ),
        ),
        (
            "a credentials file",
            from_file(
                "AWS_SHARED_CREDENTIALS_FILE",
                "[default]\naws_access_key_id = a\naws_secret_access_key = xSECRETKEYx\naws_session_token = xSESSIONTOKENx\n",
            ),
        ),
        (
            "a process that answers no JSON",
            from_file(
                "AWS_CONFIG_FILE",
                "[default]\ncredential_process = echo '{\"Version\":1,\"SecretAccessKey\":\"xSECRETKEYx\"'\n",
            ),
        ),
        (
            "a process whose answer lacks the key's id",
            from_file(
                "AWS_CONFIG_FILE",
                "[default]\ncredential_process = echo '{\"Version\":1,\"SecretAccessKey\":\"xSECRETKEYx\",\"SessionToken\":\"xSESSIONTOKENx\"}'\n",
            ),
        ),
        (
            "a process with a secret argument that fails",
            from_file("AWS_CONFIG_FILE", "[default]\ncredential_process = false --password xPASSWORDx\n"),
        ),
        ("a container's token", container("xCONTAINERTOKENx")),
        ("a container's illegal token", container("xCONTAINERTOKENx\nx")),
    ]
}

fn assert_no_secret(case: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{case}: {secret} is in {text}");
    }
}

#[test]
fn the_command_line_prints_no_secret_whatever_fails() {
    let refusing = Refusing::start();
    for (case, world) in worlds(&refusing) {
        for arguments in [
            vec!["plan"],
            vec!["apply", "--yes"],
            vec!["explain", "team/api"],
            vec!["plan", "--output", "json"],
        ] {
            let outcome = world.cli(&arguments);
            assert_eq!(outcome.code, 1, "{case}: {outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), 1, "{case}: {outcome:?}");
            assert_no_secret(case, &format!("{}{}", outcome.stdout, outcome.stderr));
        }
    }
}

#[test]
fn a_refused_signature_is_still_told_as_one() {
    let refusing = Refusing::start();
    let (_, world) = worlds(&refusing).swap_remove(0);
    let texts = [
        "InvalidSignatureException",
        "does not match the signature you provided",
        "check the AWS credentials",
    ];
    world.cli(&["plan"]).refused(1, &texts);
}

#[test]
fn the_function_logs_and_answers_no_secret_whatever_fails() {
    let refusing = Refusing::start();
    for (case, world) in worlds(&refusing) {
        for format in ["JSON", "Text"] {
            // What goes to stderr ends in CloudWatch too.
            let (script, stderr) = (world.file("bootstrap.sh"), world.file("stderr"));
            let bootstrap = env!("CARGO_BIN_EXE_bootstrap");
            std::fs::write(&script, format!("#!/bin/sh\nexec {bootstrap} 2>stderr\n")).unwrap();
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
            let variables = world.variables().map(|(name, value)| (name.clone(), value.clone()));
            let variables = variables.chain([("AWS_LAMBDA_LOG_FORMAT".to_owned(), format.to_owned())]);
            let (answer, log) = world.runtime.block_on(async {
                let mut function = LocalFunction::start(&script, variables).await.unwrap();
                let answer = function.invoke(&json!({}), Duration::from_secs(60)).await.unwrap();
                (answer, function.stop().await)
            });
            let seen =
                format!("{answer:?}\n{}\n{}", log.join("\n"), std::fs::read_to_string(&stderr).unwrap());
            assert!(seen.contains("NothingDone"), "{case}: {seen}");
            assert_no_secret(case, &seen);
        }
    }
}

#[test]
fn a_run_that_goes_well_tells_no_secret_at_the_highest_level() {
    let world = World::new()
        .with("RUST_LOG", "trace")
        .with("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .with("AWS_SECRET_ACCESS_KEY", "xSECRETKEYx")
        .with("AWS_SESSION_TOKEN", "xSESSIONTOKENx");
    world.busy("team/api");
    let outcome = world.cli(&["plan"]);
    assert_eq!(outcome.code, 0);
    assert_no_secret("plan", &format!("{outcome:?}"));
    let mut function = world.lambda();
    let report = function.report(&json!({}));
    let log = function.stop_and_read();
    assert!(log.len() > 12);
    assert_no_secret("function", &format!("{report:?}{log:?}"));
}
