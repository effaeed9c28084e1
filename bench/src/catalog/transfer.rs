//! Importing and exporting a whole catalogue over HTTP: how fast, in how much memory, and whether what comes out is what
//! went in.
use std::{fs, time::Instant};

use reqwest::Client;
use rowhouse::error::Failure;
use serde::Serialize;

use crate::{api::Api, goods::Catalogue, say, servers::Server, show::to_ndjson, store::Caller, token::Signer};

const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
/// The file that memory is compared with is so many times smaller.
const SMALLER: u64 = 10;
/// A shop of its own, whose SKUs no other tenant has.
const SEED: u64 = 1_000_003;

/// Files in and out.
#[derive(Serialize)]
pub(super) struct Transfers {
    pub(super) products: u64,
    pub(super) files: Vec<Transfer>,
    /// The server's peak memory once a tenth had been imported, and once all had.
    pub(super) peak_after_tenth_mib: f64,
    pub(super) peak_after_all_mib: f64,
    /// And after everything else.
    pub(super) peak_at_end_mib: f64,
    /// Round trips that did not give the same bytes.
    pub(super) differing: Vec<String>,
}

/// One file, one way.
#[derive(Serialize)]
pub(super) struct Transfer {
    pub(super) what: &'static str,
    pub(super) mib: f64,
    pub(super) seconds: f64,
    pub(super) products_per_second: f64,
    /// The server's peak memory so far.
    pub(super) peak_mib: f64,
}

pub(super) async fn measure(
    goods: &Catalogue,
    server: &Server,
    signer: &Signer,
    empty: &[Caller],
    products: u32,
) -> Result<Transfers, Failure> {
    let client = Client::new();
    let apis = empty.iter().map(|caller| Api::new(&client, server, signer, *caller)).collect::<Result<Vec<_>, _>>()?;
    let [tenth, whole, copy, csv_copy] = apis.as_slice() else {
        return Err(Failure("there are no tenants to import into".to_owned()));
    };
    let products = u64::from(products);
    let ndjson = |count| to_ndjson((0..count).map(|number| goods.product(SEED, number)));
    let mut log = Log { server, products, files: Vec::new() };

    say(&format!("importing {} products, then {products}", products / SMALLER));
    tenth.import(NDJSON, ndjson(products / SMALLER)).await?;
    let peak_after_tenth_mib = peak(server)?;
    log.import("import, NDJSON", whole, NDJSON, ndjson(products)).await?;
    let peak_after_all_mib = peak(server)?;

    say("exporting them, importing that elsewhere, exporting again");
    let exported = log.export("export, NDJSON", whole, NDJSON).await?;
    log.import("import of the export, NDJSON", copy, NDJSON, exported.clone()).await?;
    let again = log.export("export again, NDJSON", copy, NDJSON).await?;
    let exported_csv = log.export("export, CSV", whole, CSV).await?;
    log.import("import of the export, CSV", csv_copy, CSV, exported_csv.clone()).await?;
    let again_csv = log.export("export again, CSV", csv_copy, CSV).await?;
    let over_csv = log.export("export of the CSV's, NDJSON", csv_copy, NDJSON).await?;

    let trips = [
        ("NDJSON", exported == again),
        ("CSV", exported_csv == again_csv),
        ("CSV, seen as NDJSON", exported == over_csv),
    ];
    let differing = trips.into_iter().filter(|(_, same)| !same).map(|(trip, _)| trip.to_owned()).collect();
    let rows = exported.split(|byte| *byte == b'\n').count() as u64 - 1;
    if rows != products {
        return Err(Failure(format!("{products} products were imported and {rows} exported")));
    }
    let peak_at_end_mib = peak(server)?;
    let files = log.files;
    Ok(Transfers { products, files, peak_after_tenth_mib, peak_after_all_mib, peak_at_end_mib, differing })
}

struct Log<'s> {
    server: &'s Server,
    products: u64,
    files: Vec<Transfer>,
}

impl Log<'_> {
    async fn import(&mut self, what: &'static str, api: &Api, kind: &str, file: Vec<u8>) -> Result<(), Failure> {
        let (bytes, begun) = (file.len(), Instant::now());
        let operation = api.import(kind, file).await?;
        let created = operation["result"]["created"].as_u64();
        if created != Some(self.products) {
            return Err(Failure(format!("{what}: {} products made: {operation}", self.products)));
        }
        self.note(what, bytes, begun)
    }

    async fn export(&mut self, what: &'static str, api: &Api, kind: &str) -> Result<Vec<u8>, Failure> {
        let begun = Instant::now();
        let file = api.download("/products/export", kind).await?;
        self.note(what, file.len(), begun)?;
        Ok(file)
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn note(&mut self, what: &'static str, bytes: usize, begun: Instant) -> Result<(), Failure> {
        let (seconds, mib) = (begun.elapsed().as_secs_f64(), bytes as f64 / f64::from(1 << 20));
        let (products_per_second, peak_mib) = (self.products as f64 / seconds, peak(self.server)?);
        say(&format!("{what}: {seconds:.1} s, {products_per_second:.0} products/s, peak {peak_mib:.0} MiB"));
        self.files.push(Transfer { what, mib, seconds, products_per_second, peak_mib });
        Ok(())
    }
}

/// The most memory the server has had at once, in MiB.
fn peak(server: &Server) -> Result<f64, Failure> {
    let path = format!("/proc/{}/status", server.pid);
    let text = fs::read_to_string(&path).map_err(|error| Failure(format!("{path}: {error}")))?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure(format!("{path} does not tell VmHWM")))
}
