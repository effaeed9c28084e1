//! Why a stream ends: what its reader is told, and under which code.
use crate::Error;

/// Why a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server is about to go: another one goes on from the same place.
    Leaving,
    /// The token that opened it has expired.
    TokenExpired,
    /// Its reader has not taken what was sent.
    Slow,
    /// It cannot be read just now.
    Unavailable,
    /// Its reader may not have it any longer.
    Refused(Error),
}

impl Reason {
    /// The stable word for programs: the code of the problem that a request would be answered with, where it is one.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::TokenExpired => "token_expired",
            Self::Slow => "slow",
            Self::Unavailable => "unavailable",
            Self::Refused(error) => error.kind().1,
        }
    }

    /// What happened, and what to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Leaving => "the server is about to stop; connect again, and go on from the last position".to_owned(),
            Self::TokenExpired => {
                "the token has expired; connect with a new one, and go on from the last position".to_owned()
            }
            Self::Slow => "what was sent is not taken; connect again, and go on from the last position".to_owned(),
            Self::Unavailable => {
                "it cannot be read just now; connect again shortly, and go on from the last position".to_owned()
            }
            Self::Refused(error) => error.detail(),
        }
    }

    /// Whether it is over for all that is followed, and not for one topic.
    pub(super) fn is_for_all(&self) -> bool {
        !matches!(self, Self::Refused(Error::PermissionDenied(_) | Error::PersonRequired | Error::EventsGone))
    }

    /// Why a stream is over that fails like this; none where it may be better in a moment, and nobody lost a right.
    pub(super) fn of(error: Error) -> Option<Self> {
        match error.kind().0.as_u16() {
            401 | 403 | 404 | 410 => Some(Self::Refused(error)),
            _ => None,
        }
    }
}
