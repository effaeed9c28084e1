//! A name server that says what a test wants said (RFC 1035 §4.1).
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{net::UdpSocket, task::JoinHandle};

const TXT: u16 = 16;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// A name server on a port of its own. Gone when dropped.
pub struct Names {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    server: JoinHandle<()>,
}

/// How a name server takes questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Answers,
    /// Says to every question that it cannot tell.
    Fails,
    /// Hears and says nothing.
    Silent,
}

#[derive(Default)]
struct Zone {
    texts: BTreeMap<String, Vec<String>>,
    mood: Mood,
}

impl Names {
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone: Arc<Mutex<Zone>> = Arc::default();
        let told = zone.clone();
        let server = tokio::spawn(async move {
            let mut question = [0; 4096];
            loop {
                let Ok((length, asker)) = socket.recv_from(&mut question).await else { continue };
                let answer = told.lock().unwrap().answer(&question[..length]);
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, asker).await;
                }
            }
        });
        Self { address, zone, server }
    }

    /// From now on there are these TXT records at a name, and no others.
    pub fn set(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(ToString::to_string).collect();
        self.zone.lock().unwrap().texts.insert(name.to_ascii_lowercase(), texts);
    }

    /// From now on there is no such name.
    pub fn remove(&self, name: &str) {
        self.zone.lock().unwrap().texts.remove(&name.to_ascii_lowercase());
    }

    pub fn mood(&self, mood: Mood) {
        self.zone.lock().unwrap().mood = mood;
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Zone {
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, kind, question) = question(query)?;
        let (code, texts) = match (self.mood, self.texts.get(&name)) {
            (Mood::Silent, _) => return None,
            (Mood::Fails, _) => (SERVER_FAILURE, [].as_slice()),
            (Mood::Answers, None) => (NO_SUCH_NAME, [].as_slice()),
            (Mood::Answers, Some(texts)) => (NO_ERROR, if kind == TXT { texts } else { [].as_slice() }),
        };
        let mut answer = query[..2].to_vec();
        // A response, authoritative; recursion was desired or not, and is available.
        answer.extend([0x84 | query[2] & 1, 0x80 | code]);
        for count in [1, u16::try_from(texts.len()).ok()?, 0, 0] {
            answer.extend(count.to_be_bytes());
        }
        answer.extend(question);
        for text in texts {
            // One text in several strings, as whoever writes zones splits what is long.
            let strings: Vec<u8> = text
                .as_bytes()
                .chunks(30)
                .flat_map(|part| [&[u8::try_from(part.len()).unwrap()], part].concat())
                .collect();
            // The question's name, in the internet, not to be remembered.
            answer.extend([0xC0, 12]);
            for number in [TXT, 1, 0, 0, u16::try_from(strings.len()).ok()?] {
                answer.extend(number.to_be_bytes());
            }
            answer.extend(strings);
        }
        Some(answer)
    }
}

/// The name that is asked about, the type of record, and the whole question as it came.
fn question(query: &[u8]) -> Option<(String, u16, &[u8])> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += 1 + length;
    }
    let question = query.get(12..at + 5)?;
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    Some((labels.join("."), kind, question))
}
