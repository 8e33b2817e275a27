//! What is said when the program panics: where, and no value that may be secret.
//!
//! A panic in the user's declaration can know only what the command line and the environment gave it, so its message is
//! shown with those values masked. Anywhere else live Secrets may be at hand, so the message is left out.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holm_redact::Redactor;

/// Whether the user's declaration is running right now.
#[derive(Clone, Debug, Default)]
pub struct Declaring(Arc<AtomicBool>);

impl Declaring {
    /// Runs the declaration.
    pub fn during<T>(&self, declare: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::Relaxed);
        let declared = declare();
        self.0.store(false, Ordering::Relaxed);
        declared
    }
}

/// Puts the hook in place, for the rest of the process.
pub fn install(redactor: Redactor) -> Declaring {
    let declaring = Declaring::default();
    let hook = declaring.clone();
    std::panic::set_hook(Box::new(move |info| {
        #[cfg(feature = "embedded")]
        if std::thread::current().name() == Some(holm_embedded::FILE_THREAD) {
            // What is wrong with the file is told as the error that the panic becomes.
            return;
        }
        let payload = text(info).unwrap_or_default();
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        let mut message = message(&place, payload, hook.0.load(Ordering::Relaxed), &redactor);
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            message.push_str(&format!("{backtrace}\n"));
        }
        // Nothing more can be done where standard error is gone, too.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    }));
    declaring
}

fn text<'a>(info: &'a PanicHookInfo<'_>) -> Option<&'a str> {
    let payload = info.payload();
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn message(place: &str, payload: &str, is_declaring: bool, redactor: &Redactor) -> String {
    if is_declaring {
        format!("error: the declaration panicked\n  at {place}\n  {}\n", redactor.scrub(payload))
    } else {
        format!(
            "error: an internal error; this is a bug in holm\n  at {place}\n\n\
             hint: report it with this line and what you ran; its message is not shown, as it may hold a secret\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_shows_no_secret() {
        let mut redactor = Redactor::default();
        redactor.learn("hunter2");
        let declared = message("main.rs:4", "cannot use hunter2 here", true, &redactor);
        insta::assert_snapshot!(declared, @"
        error: the declaration panicked
          at main.rs:4
          cannot use (sensitive) here
        ");
        let internal = message("plan.rs:9", "live value s3cret", false, &redactor);
        insta::assert_snapshot!(internal, @"
        error: an internal error; this is a bug in holm
          at plan.rs:9

        hint: report it with this line and what you ran; its message is not shown, as it may hold a secret
        ");
    }
}
