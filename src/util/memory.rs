//! The memory that this process may take.

/// What a computer has for a program of this kind.
const OF_A_COMPUTER: usize = 1024 * 1024 * 1024;

/// The memory that this process may take, in bytes: a Lambda function's size, or what any computer has.
///
/// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` is set by Lambda, in MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>).
pub fn of_this_process() -> usize {
    let of_function = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
    let megabytes = of_function.and_then(|size| size.parse::<usize>().ok());
    megabytes.map_or(OF_A_COMPUTER, |size| size.saturating_mul(1024 * 1024))
}
