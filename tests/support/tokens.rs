//! Tokens signed with the run's own key, right or wrong in whichever way a test wants.
use std::{path::PathBuf, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rowhouse::auth::{Keys, generate_keys};
use serde_json::{Value, json};
use uuid::Uuid;

/// Where the run's keys are; removed with the machine's temporary files. A process has the id of another that is gone.
pub static KEYS: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("rowhouse-test-keys-{}", Uuid::now_v7()));
    generate_keys(&dir, 0).unwrap();
    dir
});

/// What the server's seal for a door and its fields is, now.
pub fn seal(door: &str, fields: &[Option<&str>]) -> String {
    Keys::read(&KEYS).unwrap().seal(door, fields)
}

/// Makes tokens. Change what you want wrong, then [`sign`](Self::sign).
#[derive(Clone)]
pub struct Forge {
    pub header: Header,
    pub claims: Value,
    pub key: EncodingKey,
}

/// A token as the server would issue it.
pub fn forge(user: Uuid, tenant: Option<Uuid>) -> Forge {
    let keys = Keys::read(&KEYS).unwrap();
    let pem = std::fs::read_dir(&*KEYS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".into());
    header.kid.clone_from(&keys.jwks().keys[0].common.key_id);
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": "https://rowhouse.localhost", "aud": "rowhouse", "sub": user,
        "exp": now + 600, "iat": now, "nbf": now, "jti": Uuid::now_v7(),
        // In the fixture a person's session has the person's id.
        "sid": user,
    });
    if let Some(tenant) = tenant {
        claims["tid"] = json!(tenant);
    }
    Forge { header, claims, key: EncodingKey::from_ed_pem(&std::fs::read(pem).unwrap()).unwrap() }
}

impl Forge {
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    pub fn sign(&self) -> String {
        jsonwebtoken::encode(&self.header, &self.claims, &self.key).unwrap()
    }

    /// `alg: none`, which no library will sign (RFC 8725 §2.1).
    pub fn unsigned(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none", "typ": "at+jwt" })), part(&self.claims))
    }
}
