//! What whoever runs the platform decides for all of it: the keys there are, their defaults, and what they may hold.
//! The database keeps what was decided otherwise (`registry.platform_settings`), and has a check of its own on each key.
use serde_json::Value;

use crate::{auth::normal_email, from_row, line::breaks_line};

/// The name of the platform, such as pages and letters show it.
pub const NAME: &str = "platform.name";
/// Where people write to for help.
pub const SUPPORT_EMAIL: &str = "platform.support_email";
/// What everybody is to be told just now.
pub const MAINTENANCE_NOTICE: &str = "platform.maintenance_notice";
/// Whether whoever likes may sign up.
pub const SIGNUP_OPEN: &str = "signup.open";

/// How many requests a minute a tenant may make that has no limits of its own.
pub const TENANT_PER_MINUTE: &str = "limits.tenant_per_minute";
/// How many of them one member or API key.
pub const PRINCIPAL_PER_MINUTE: &str = "limits.principal_per_minute";
/// How many requests a month.
pub const TENANT_PER_MONTH: &str = "limits.tenant_per_month";

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How it is called.
    pub key: &'static str,
    /// Whether anybody may know it, signed in or not.
    pub public: bool,
    /// What it is for, in a sentence.
    pub description: &'static str,
    /// What it is while nobody has set it.
    pub default: fn() -> Value,
    /// What a word on a command line says, or why it says nothing that the key may hold.
    pub read: fn(&str) -> Result<Value, &'static str>,
}

/// All keys, by name.
pub const SETTINGS: &[Setting] = &[
    // The defaults of limits stand in registry.meter as well, which goes by them.
    Setting {
        key: PRINCIPAL_PER_MINUTE,
        public: false,
        description: "Requests a minute of one member or API key, unless its tenant has limits of its own",
        default: || 1200.into(),
        read: |text| limit(text, A_MINUTE).map(Value::from),
    },
    Setting {
        key: TENANT_PER_MINUTE,
        public: false,
        description: "Requests a minute of a tenant that has no limits of its own",
        default: || 6000.into(),
        read: |text| limit(text, A_MINUTE).map(Value::from),
    },
    Setting {
        key: TENANT_PER_MONTH,
        public: false,
        description: "Requests a month of a tenant that has no limits of its own",
        default: || Value::Null,
        read: |text| limit(text, A_MONTH).map(Value::from),
    },
    Setting {
        key: MAINTENANCE_NOTICE,
        public: true,
        description: "What everybody is to be told just now, such as when the platform will be away",
        default: || Value::Null,
        read: |text| text_of(text, 1000, "has 1 to 1000 characters, and no control characters but line breaks"),
    },
    Setting {
        key: NAME,
        public: true,
        description: "The name of the platform, for pages to show",
        default: || "Rowhouse".into(),
        read: |text| {
            let why = "is one line of 1 to 100 characters";
            if text.chars().any(breaks_line) { Err(why) } else { text_of(text, 100, why) }
        },
    },
    Setting {
        key: SUPPORT_EMAIL,
        public: true,
        description: "Where people write to for help",
        default: || Value::Null,
        read: |text| normal_email(text).map(Value::from).ok_or("is not an e-mail address"),
    },
    Setting {
        key: SIGNUP_OPEN,
        public: true,
        description: "Whether whoever likes may sign up; people who are invited may in any case",
        default: || true.into(),
        read: |text| text.parse::<bool>().map(Value::from).map_err(|_| "is true or false"),
    },
];

/// The most a limit can be, of a minute and of a month, with how that is said.
pub const A_MINUTE: (i64, &str) = (1_000_000, "is a number from 1 to 1000000, or none");
/// See [`A_MINUTE`].
pub const A_MONTH: (i64, &str) = (1_000_000_000_000, "is a number from 1 to 1000000000000, or none");

/// A limit as a word says it; none is as many as they like.
pub fn limit(text: &str, (most, why): (i64, &'static str)) -> Result<Option<i64>, &'static str> {
    match text {
        "none" => Ok(None),
        number => number.parse().ok().filter(|number| (1..=most).contains(number)).map(Some).ok_or(why),
    }
}

fn text_of(text: &str, longest: usize, why: &'static str) -> Result<Value, &'static str> {
    let fits = (1..=longest).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(|char| char.is_control() && char != '\n');
    if fits { Ok(text.into()) } else { Err(why) }
}

/// What is in force: what was set, and the defaults of the rest.
#[derive(Debug)]
pub struct InForce(Vec<StoredSetting>);

impl InForce {
    /// Keys that the code does not know are left aside: they are a newer version's.
    #[must_use]
    pub fn new(stored: Vec<StoredSetting>) -> Self {
        Self(stored)
    }

    /// Whether somebody has set it.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.0.iter().any(|stored| stored.key == key)
    }

    /// A key's value; null for one that is none.
    #[must_use]
    pub fn value(&self, key: &str) -> Value {
        let set = self.0.iter().find(|stored| stored.key == key).map(|stored| stored.value.clone());
        let default = || SETTINGS.iter().find(|setting| setting.key == key).map(|setting| (setting.default)());
        set.or_else(default).unwrap_or_default()
    }

    /// A key's value where it is text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key).as_str().map(str::to_owned)
    }
}

/// A row.
#[derive(Debug)]
pub struct StoredSetting {
    key: String,
    value: Value,
}

from_row! { StoredSetting: key, value }
