use ecr_emulator::{ApiError, Emulator};
pub(crate) fn seed(_: &Emulator) -> Result<(), ApiError> {
    Ok(())
}
