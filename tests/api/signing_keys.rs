//! Signing keys change under running servers, and no token that is still good is refused for it.
use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, decode_header, jwk::Jwk, jwk::ThumbprintHash};
use reqwest::Method;
use rowhouse::{
    auth::{Clock, SHOWN_BEFORE, generate_keys, rotate_keys},
    db::API_ROLE,
};
use serde_json::json;

use crate::support::{Answer, Forge, KEYS, PASSWORD, TestApp, TestDb, forge, town, tuning};

/// How long a key verifies after another took over: as long as an access token lives, and a minute.
const KEPT_AFTER: i64 = 960;

/// A directory with one key, which has always signed.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rowhouse-rotation-{}-{number}", std::process::id()));
        generate_keys(&dir, 0).unwrap();
        // The one that the tests' databases know.
        fs::copy(KEYS.join("seal"), dir.join("seal")).unwrap();
        Self(dir)
    }

    fn pem_files(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        paths.sort();
        paths
    }
}

impl Deref for Dir {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A clock that stands where it is put.
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn clock() -> (Hand, Clock) {
    let now = Arc::new(AtomicI64::new(jiff::Timestamp::now().as_second()));
    let shared = now.clone();
    (Hand(now), Clock::new(move || shared.load(Ordering::Relaxed)))
}

async fn serve(db: &TestDb, clock: Clock, dir: &Path) -> TestApp {
    TestApp::with_keys(&db.url(API_ROLE), &tuning(&["--pool", "4"]), clock, dir).await
}

fn key_of(path: &Path) -> EncodingKey {
    EncodingKey::from_ed_pem(&fs::read(path).unwrap()).unwrap()
}

/// RFC 7638.
fn kid_of(path: &Path) -> String {
    Jwk::from_encoding_key(&key_of(path), Algorithm::EdDSA).unwrap().thumbprint(ThumbprintHash::SHA256).unwrap()
}

/// A token of acme's owner signed with the key in a file, good wherever a test puts the clock.
fn signed_with(path: &Path) -> String {
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).header(|header| header.kid = Some(kid_of(path)));
    let now = jiff::Timestamp::now().as_second();
    let token = token.claim("nbf", now - 100_000).claim("exp", now + 100_000);
    Forge { key: key_of(path), ..token }.sign()
}

async fn list(app: &TestApp, token: &str) -> u16 {
    Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(token)).await.status.as_u16()
}

/// Asks until the server has looked at its directory again, which it does at most once a second for a key it
/// does not know.
async fn wait_until_good(app: &TestApp, token: &str) {
    for _ in 0..200 {
        if list(app, token).await == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the key is not taken up");
}

async fn shown(app: &TestApp) -> Vec<String> {
    let jwks = Answer::of(app.request(Method::GET, "/.well-known/jwks.json")).await.expect(200);
    assert!(!jwks.text.contains("\"d\""), "the private half stays at home");
    let jwks = jwks.json();
    let mut kids: Vec<String> =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    kids.sort();
    kids
}

fn sorted(paths: &[&Path]) -> Vec<String> {
    let mut kids: Vec<String> = paths.iter().map(|path| kid_of(path)).collect();
    kids.sort();
    kids
}

/// Somebody who is signed in and has the server issue tokens.
struct Client<'a> {
    app: &'a TestApp,
    refresh: String,
}

impl<'a> Client<'a> {
    async fn of(app: &'a TestApp) -> (Self, String) {
        let body = json!({ "email": town().acme.owner.email, "password": PASSWORD });
        let tokens = Answer::of(app.request(Method::POST, "/api/v1/auth/login").json(&body)).await.expect(200).json();
        let client = Self { app, refresh: tokens["refresh_token"].as_str().unwrap().to_owned() };
        (client, tokens["access_token"].as_str().unwrap().to_owned())
    }

    /// The next access token.
    async fn issued(&mut self) -> String {
        let request = self.app.request(Method::POST, "/api/v1/auth/refresh");
        let tokens = Answer::of(request.json(&json!({ "refresh_token": self.refresh }))).await.expect(200).json();
        tokens["refresh_token"].as_str().unwrap().clone_into(&mut self.refresh);
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

#[tokio::test]
async fn a_new_key_is_shown_then_signs_and_the_old_one_goes_when_its_tokens_have_expired() {
    let db = TestDb::new().await;
    let dir = Dir::new();
    let (hand, clock) = clock();
    let app = serve(&db, clock, &dir).await;
    let first = dir.pem_files().remove(0);
    let (mut client, old_token) = Client::of(&app).await;
    assert_eq!((kid(&old_token), shown(&app).await), (kid_of(&first), sorted(&[&first])));
    // Outlives its key, as no token of ours does; remembered as good by the server from now on.
    let outlives = signed_with(&first);
    assert_eq!(list(&app, &outlives).await, 200);

    let rotation = rotate_keys(&dir, hand.now(), false).unwrap();
    let second = rotation.added;
    assert_eq!((rotation.removed, dir.pem_files().len()), (vec![], 2));
    wait_until_good(&app, &signed_with(&second)).await;
    assert_eq!(shown(&app).await, sorted(&[&first, &second]));
    // Whoever keeps the JWK Set for as long as they may knows the key before it signs.
    assert_eq!(kid(&client.issued().await), kid_of(&first));
    hand.forward(SHOWN_BEFORE - 1);
    assert_eq!(kid(&client.issued().await), kid_of(&first));
    hand.forward(1);
    let new_token = client.issued().await;
    assert_eq!(kid(&new_token), kid_of(&second));
    assert_eq!(shown(&app).await, sorted(&[&first, &second]));
    for token in [&old_token, &new_token, &outlives] {
        assert_eq!(list(&app, token).await, 200);
    }

    hand.forward(KEPT_AFTER + 1);
    assert_eq!(list(&app, &old_token).await, 401, "expired, before its key goes");
    let rotation = rotate_keys(&dir, hand.now(), false).unwrap();
    let third = rotation.added;
    let first_kid = kid(&outlives);
    assert_eq!(rotation.removed, [first]);
    assert_eq!(dir.pem_files(), [second.clone(), third.clone()]);
    wait_until_good(&app, &signed_with(&third)).await;
    assert_eq!(list(&app, &outlives).await, 401, "remembered or not, it goes with its key");
    assert!(!shown(&app).await.contains(&first_kid));
    assert_eq!(shown(&app).await, sorted(&[&second, &third]));
    assert_eq!(kid(&client.issued().await), kid_of(&second));
}

#[tokio::test]
async fn a_key_can_take_over_at_once_and_a_leaked_one_be_taken_away() {
    let db = TestDb::new().await;
    let dir = Dir::new();
    let (hand, clock) = clock();
    let app = serve(&db, clock, &dir).await;
    let first = dir.pem_files().remove(0);
    let (mut client, old_token) = Client::of(&app).await;
    let stolen = signed_with(&first);
    assert_eq!(list(&app, &stolen).await, 200);
    // One that waits does not stand in the way.
    let waiting = rotate_keys(&dir, hand.now(), false).unwrap().added;
    let second = rotate_keys(&dir, hand.now(), true).unwrap().added;
    wait_until_good(&app, &signed_with(&second)).await;
    assert_eq!(kid(&client.issued().await), kid_of(&second));
    assert_eq!(list(&app, &old_token).await, 200);
    assert_eq!(shown(&app).await, sorted(&[&first, &second, &waiting]));
    hand.forward(SHOWN_BEFORE);
    assert_eq!(kid(&client.issued().await), kid_of(&waiting));

    fs::remove_file(&first).unwrap();
    let third = rotate_keys(&dir, hand.now() + 1, true).unwrap().added;
    wait_until_good(&app, &signed_with(&third)).await;
    for token in [&old_token, &stolen] {
        assert_eq!(list(&app, token).await, 401);
    }
}

#[tokio::test]
async fn servers_on_one_directory_accept_each_others_tokens_from_the_first() {
    let db = TestDb::new().await;
    let dir = Dir::new();
    let (hand, clock) = clock();
    let (one, other) = (serve(&db, clock.clone(), &dir).await, serve(&db, clock, &dir).await);
    let ((mut of_one, _), (mut of_other, _)) = (Client::of(&one).await, Client::of(&other).await);
    assert_eq!(list(&other, &of_one.issued().await).await, 200);
    assert_eq!(list(&one, &of_other.issued().await).await, 200);

    // One has taken the new key up, the other has not heard of it.
    let added = rotate_keys(&dir, hand.now(), true).unwrap().added;
    wait_until_good(&one, &signed_with(&added)).await;
    let token = of_one.issued().await;
    assert_eq!(kid(&token), kid_of(&added));
    wait_until_good(&other, &token).await;
    let token = of_other.issued().await;
    assert_eq!((kid(&token), list(&one, &token).await), (kid_of(&added), 200));
    // Pages, cookies and refresh tokens hang on the secret beside the keys, which stays.
    let body = json!({ "email": town().acme.owner.email, "password": PASSWORD, "session": "browser" });
    let answer = Answer::of(one.request(Method::POST, "/api/v1/auth/login").json(&body)).await.expect(200);
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    Answer::of(other.request(Method::GET, "/api/v1/projects").header("cookie", cookie)).await.expect(200);
    of_one.app = &other;
    of_one.issued().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_leaves_the_keys_as_they_were() {
    let db = TestDb::new().await;
    let dir = Dir::new();
    let (hand, clock) = clock();
    let app = serve(&db, clock, &dir).await;
    let (mut client, token) = Client::of(&app).await;
    let broken = dir.join("000000000001.pem");
    fs::write(&broken, "half a file").unwrap();
    let added = rotate_keys(&dir, hand.now(), true).unwrap().added;
    let unknown = signed_with(&added);
    // Long enough for the server to have looked.
    for _ in 0..60 {
        assert_eq!(list(&app, &unknown).await, 401);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(list(&app, &token).await, 200);
    assert_eq!(list(&app, &client.issued().await).await, 200);
    fs::remove_file(&broken).unwrap();
    wait_until_good(&app, &unknown).await;
}

#[test]
fn keys_are_rotated_one_at_a_time_and_removed_when_nothing_they_signed_is_good() {
    let dir = Dir::new();
    let first = dir.pem_files().remove(0);
    let rotate = |now: i64| rotate_keys(&dir, now, false);
    let second = rotate(1000).unwrap().added;
    for now in [1000, 1000 + SHOWN_BEFORE - 1] {
        let refused = rotate(now).unwrap_err().to_string();
        assert!(refused.contains("waiting to sign") && refused.contains(&*dir.to_string_lossy()), "{refused}");
        assert_eq!(dir.pem_files(), [first.clone(), second.clone()]);
    }
    let rotation = rotate(1300).unwrap();
    let third = rotation.added;
    assert_eq!(rotation.removed, Vec::<PathBuf>::new());
    // The last token of the first key may be good until the second has signed for 960 seconds.
    let rotation = rotate(1300 + KEPT_AFTER).unwrap();
    let fourth = rotation.added;
    assert_eq!((rotation.removed, dir.pem_files().len()), (vec![], 4));
    let rotation = rotate(1600 + KEPT_AFTER + 1).unwrap();
    assert_eq!(rotation.removed, [first, second]);
    assert_eq!(dir.pem_files(), [third, fourth, rotation.added]);
    assert!(dir.join("secret").exists());
    let nothing = rotate_keys(&dir.join("nowhere"), 1, false).unwrap_err().to_string();
    assert!(nothing.contains("rowhouse keys generate"), "{nothing}");
}

#[test]
fn a_rotation_removes_no_key_that_signs_or_waits_whatever_files_lie_beside() {
    let dir = Dir::new();
    let signing = generate_keys(&dir, 2_000_000).unwrap();
    // As an operator might put the key before aside; every *.pem verifies.
    fs::rename(dir.join("000000000000.pem"), dir.join("old.pem")).unwrap();
    let rotation = rotate_keys(&dir, 2_000_010, false).unwrap();
    assert!(!rotation.removed.contains(&signing), "it signed until this moment: {rotation:?}");
    assert!(signing.exists());
    let refused = rotate_keys(&dir, 2_000_011, false);
    assert!(refused.is_err() && rotation.added.exists(), "one waits: {refused:?}");
}
