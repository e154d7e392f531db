//! A bucket of S3 in memory, for tests: HTTP, signatures and XML by `s3s`, conditional writes as in S3, faults on demand.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::sync::oneshot;

mod bucket;
mod fault;

pub use bucket::Bucket;
pub use fault::{Fault, Operation};

/// The access key that the server knows.
pub const ACCESS_KEY: &str = "AKIDTESTSERVER";
/// Its secret.
pub const SECRET_KEY: &str = "secret";

/// A server on a port of this machine, until it is dropped.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    bucket: Bucket,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// Serves an empty bucket of this name, in a thread of its own.
    ///
    /// # Panics
    /// If this machine has no free port.
    #[allow(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn start(bucket: &str) -> Self {
        let bucket = Bucket::new(bucket);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a port");
        let (stop, stopped) = oneshot::channel();
        let served = bucket.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
                tokio::select! {
                    () = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, bucket, stop: Some(stop), thread: Some(thread) }
    }

    /// The value for `AWS_ENDPOINT_URL_S3`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bucket that it serves.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server shows itself as a failed request.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, bucket: Bucket) {
    let mut builder = S3ServiceBuilder::new(bucket.clone());
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = Arc::new(builder.build());
    while let Ok((stream, _)) = listener.accept().await {
        let (service, bucket) = (service.clone(), bucket.clone());
        let answer = move |request| {
            let (service, bucket): (Arc<S3Service>, Bucket) = (service.clone(), bucket.clone());
            async move { fault::answer(&service, &bucket, request).await }
        };
        // Without a response the connection is closed, which is what a fault may ask for.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}
