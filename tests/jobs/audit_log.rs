//! The audit log is sealed in the order in which it was committed; whoever changes it afterwards, as a superuser too, is found, and where.
use std::time::Duration;

use rowhouse::{
    auth::{AuditKey, AuditVerifiers, generate_keys},
    compose,
    jobs::{Job, NewJob},
    work::{
        Means,
        audit_log::{ForgetAuditLog, SealAuditLog},
        audit_verify::{Fault, PublishedHead, Report, heads, tenants, verify},
    },
};
use uuid::Uuid;

use super::{Scene, at_work};
use crate::{
    cli::{rowhouse, run},
    support::town,
};

/// A key of its own, and a database whose log it seals.
struct House {
    scene: Scene,
    keys: std::path::PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys);
    }
}

impl House {
    async fn set() -> Self {
        let keys = std::env::temp_dir().join(format!("rowhouse-audit-{}", Uuid::now_v7().simple()));
        generate_keys(&keys, 0).unwrap();
        let house = Self { scene: Scene::set().await, keys };
        // What the fixture has made up is no chain.
        house.tamper("delete from tenant.audit_seals").await;
        house
    }

    fn key(&self) -> AuditKey {
        AuditKey::read(&self.keys).unwrap().unwrap()
    }

    async fn has_done<J: Job>(&self, job: &J) -> serde_json::Value {
        self.has_done_with(job, self.key()).await
    }

    async fn has_done_with<J: Job>(&self, job: &J, key: AuditKey) -> serde_json::Value {
        let (job, _) = self.comes_to(job, key, "succeeded").await;
        let result = "select result from tenant.jobs where id = $1";
        self.scene.superuser.query_one(result, &[&job]).await.unwrap().get(0)
    }

    /// The code that a job dies with.
    async fn fails<J: Job>(&self, job: &J) -> String {
        self.comes_to(job, self.key(), "dead").await.1.unwrap()
    }

    async fn comes_to<J: Job>(&self, job: &J, key: AuditKey, state: &str) -> (Uuid, Option<String>) {
        let acme = &town().acme;
        let job = NewJob::new(job).unwrap();
        self.scene.schedule(acme.id, std::slice::from_ref(&job)).await;
        let kinds = compose::kinds(&Means::default().with_audit_key(key));
        let working = at_work(&self.scene.worker_for(2, kinds, Duration::from_secs(5)));
        let (_, code) = self.scene.until(job.id(), state).await;
        working.finish().await;
        (job.id(), code)
    }

    /// A change of which the log tells.
    async fn rename(&self, name: &str) {
        let project = town().acme.projects[0].id;
        self.scene.db.run(&format!("update tenant.projects set name = '{name}' where id = '{project}'")).await;
    }

    /// What `rowhouse audit-log` exits with and says.
    fn say(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let url = self.scene.db.url("rowhouse_migrator");
        let mut command = rowhouse();
        command.arg("audit-log").args(arguments).env("MIGRATE_DATABASE_URL", url).env("ROWHOUSE_KEYS", &self.keys);
        let (code, said, complaint) = run(&mut command);
        (code, said + &complaint)
    }

    async fn seal(&self) -> i64 {
        self.has_done(&SealAuditLog {}).await["sealed"].as_i64().unwrap()
    }

    async fn verified(&self, published: &[PublishedHead]) -> Report {
        let admin = self.scene.db.migrator().await;
        let acme = tenants(&admin, Some("acme"), &[]).await.unwrap().remove(0);
        verify(&admin, &acme, &AuditVerifiers::read(&self.keys).unwrap(), published).await.unwrap()
    }

    /// As a superuser who switches off what is in the way.
    async fn tamper(&self, how: &str) {
        let all = format!("set session_replication_role = replica; {how}; set session_replication_role = origin");
        self.scene.superuser.batch_execute(&all).await.unwrap();
    }

    /// Ids of acme's rows in the order of the log.
    async fn rows(&self) -> Vec<Uuid> {
        let rows = "select id from tenant.audit_log where tenant_id = $1 order by epoch, xid, id";
        let rows = self.scene.superuser.query(rows, &[&town().acme.id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn rows_are_sealed_once_and_what_comes_after_is_counted() {
    let house = House::set().await;
    let there = i64::try_from(house.rows().await.len()).unwrap();
    assert_eq!(house.verified(&[]).await.unsealed, there);
    assert_eq!(house.seal().await, there);
    assert_eq!(house.seal().await, 0);
    house
        .scene
        .db
        .run(&format!("update tenant.projects set name = 'Another' where id = '{}'", town().acme.projects[0].id))
        .await;
    let report = house.verified(&[]).await;
    assert_eq!((report.seals, report.good, report.unsealed), (1, usize::try_from(there).unwrap(), 1));
    assert_eq!(report.faults, []);
    assert_eq!(house.seal().await, 1);
    let report = house.verified(&[]).await;
    assert_eq!((report.seals, report.unsealed, report.faults), (2, 0, Vec::new()));
}

#[tokio::test]
async fn what_a_superuser_does_to_rows_is_found_where_it_was_done() {
    let house = House::set().await;
    house.seal().await;
    let rows = house.rows().await;
    let (first, second) = (rows[3], rows[7]);
    let (changed, removed) = (
        |row: usize| Fault::RowChanged { seal: 1, row: row + 1, id: rows[row] },
        Fault::RowRemoved { seal: 1, row: 4, after: Some(rows[2]) },
    );
    let stolen = Uuid::max();
    for (tampering, undoing, expected) in [
        (
            format!("update tenant.audit_log set action = 'nothing.done' where id = '{first}'"),
            "update tenant.audit_log l set action = k.action from kept k where k.id = l.id".to_owned(),
            vec![changed(3)],
        ),
        (
            format!("update tenant.audit_log set at = at + interval '1 microsecond' where id = '{first}'"),
            "update tenant.audit_log l set at = k.at from kept k where k.id = l.id".to_owned(),
            vec![changed(3)],
        ),
        (
            format!("delete from tenant.audit_log where id = '{first}'"),
            format!("insert into tenant.audit_log select * from kept where id = '{first}'"),
            vec![removed],
        ),
        (
            format!("insert into tenant.audit_log select (jsonb_populate_record(l, jsonb_build_object('id', '{stolen}'))).* from tenant.audit_log l where id = '{first}'"),
            format!("delete from tenant.audit_log where id = '{stolen}'"),
            vec![Fault::RowInserted { seal: 1, id: stolen }],
        ),
        (
            format!(
                "update tenant.audit_log l set (actor_kind, action, object_type, object_id, before, after) =
                     (select o.actor_kind, o.action, o.object_type, o.object_id, o.before, o.after from kept o where o.id = case l.id when '{first}' then '{second}'::uuid else '{first}' end)
                 where l.id in ('{first}', '{second}')"
            ),
            "update tenant.audit_log l set (actor_kind, action, object_type, object_id, before, after) =
                (select o.actor_kind, o.action, o.object_type, o.object_id, o.before, o.after from kept o where o.id = l.id)"
                .to_owned(),
            vec![changed(3), changed(7)],
        ),
    ] {
        house.tamper("create temp table if not exists kept as select * from tenant.audit_log").await;
        house.tamper(&tampering).await;
        assert_eq!(house.verified(&[]).await.faults, expected, "{tampering}");
        house.tamper(&undoing).await;
        assert_eq!(house.verified(&[]).await.faults, [], "{undoing}");
    }
}

#[tokio::test]
async fn what_a_superuser_does_to_seals_is_found_as_well() {
    let house = House::set().await;
    let acme = &town().acme;
    for n in 0..3 {
        house
            .scene
            .db
            .run(&format!("update tenant.projects set name = 'n{n}' where id = '{}'", acme.projects[0].id))
            .await;
        house.seal().await;
    }
    let admin = house.scene.db.migrator().await;
    let published = heads(&admin, Some("acme")).await.unwrap();
    assert_eq!(published[0].number, 3);
    assert_eq!(house.verified(&published).await.faults, []);
    // Whoever changes a row and its seal cannot sign that.
    house.tamper("create temp table kept as select * from tenant.audit_seals").await;
    let whole = "delete from tenant.audit_seals; insert into tenant.audit_seals select * from kept";
    house
        .tamper("update tenant.audit_seals set leaves = overlay(leaves placing sha256('x') from 1) where number = 2")
        .await;
    let faults = house.verified(&[]).await.faults;
    assert!(faults.contains(&Fault::SealChanged { seal: 2 }) && faults.len() == 2, "{faults:?}");
    house.tamper(&format!("{whole}; update tenant.audit_seals set head = sha256(head) where number = 2")).await;
    let faults = house.verified(&[]).await.faults;
    assert!(
        faults.contains(&Fault::BadSignature { seal: 2 }) && faults.contains(&Fault::SealChanged { seal: 3 }),
        "{faults:?}"
    );
    house.tamper(&format!("{whole}; delete from tenant.audit_seals where number = 2")).await;
    assert!(house.verified(&[]).await.faults.contains(&Fault::SealsGone { from: 2, to: 2 }));
    // What is cut off at the end, the heads that were published tell.
    house.tamper(&format!("{whole}; delete from tenant.audit_seals where number = 3")).await;
    assert_eq!(house.verified(&[]).await.faults, []);
    assert_eq!(house.verified(&published).await.faults, [Fault::SealsGone { from: 3, to: 3 }]);
    // A chain made anew with another key.
    house.tamper(whole).await;
    AuditKey::renew(&house.keys).unwrap();
    assert_eq!(house.verified(&published).await.faults, [], "the public half of the key before is still known");
    let strangers = AuditVerifiers::default();
    let acme = tenants(&admin, Some("acme"), &[]).await.unwrap().remove(0);
    let faults = verify(&admin, &acme, &strangers, &[]).await.unwrap().faults;
    assert!(matches!(faults[0], Fault::UnknownKey { seal: 1, .. }), "{faults:?}");
}

/// A worker that is lost after it has read a batch has sealed nothing of it; whoever comes after seals all.
#[tokio::test]
async fn a_worker_that_is_lost_between_batch_and_seal_loses_nothing() {
    let house = House::set().await;
    // Whoever is about to append waits for this lock, and is gone before it gets it.
    house.scene.superuser.batch_execute("begin; lock tenant.audit_seals in exclusive mode").await.unwrap();
    let acme = &town().acme;
    let job = NewJob::new(&SealAuditLog {}).unwrap();
    house.scene.schedule(acme.id, std::slice::from_ref(&job)).await;
    let kinds = compose::kinds(&Means::default().with_audit_key(house.key()));
    let working = at_work(&house.scene.worker_for(2, kinds, Duration::from_secs(3)));
    house.scene.until_count("pg_locks where relation = 'tenant.audit_seals'::regclass and not granted", 1).await;
    working.run.abort();
    // What it has sent is lost with its connection.
    let lost = "select pg_terminate_backend(pid) from pg_locks where relation = 'tenant.audit_seals'::regclass and not granted";
    house.scene.superuser.execute(lost, &[]).await.unwrap();
    house.scene.superuser.batch_execute("rollback").await.unwrap();
    let there = i64::try_from(house.rows().await.len()).unwrap();
    assert_eq!(house.verified(&[]).await.unsealed, there);
    let kinds = compose::kinds(&Means::default().with_audit_key(house.key()));
    let working = at_work(&house.scene.worker_for(2, kinds, Duration::from_secs(3)));
    // The one that was lost may have said so, and is to be tried again after a while: at once.
    for _ in 0..100 {
        let soon = "update tenant.jobs set run_at = now() where state = 'waiting' and run_at > now()";
        house.scene.superuser.batch_execute(soon).await.unwrap();
        if house.scene.state(job.id()).await.0 == "succeeded" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    house.scene.until(job.id(), "succeeded").await;
    working.finish().await;
    let report = house.verified(&[]).await;
    assert_eq!((report.unsealed, report.faults), (0, Vec::new()));
}

/// What began before and ends later is not passed over.
#[tokio::test]
async fn nothing_is_sealed_past_a_transaction_that_has_not_ended() {
    let house = House::set().await;
    house.seal().await;
    let slow = house.scene.db.superuser().await;
    let (first, second) = (town().acme.projects[0].id, town().acme.projects[1].id);
    slow.batch_execute(&format!("begin; update tenant.projects set name = 'slow' where id = '{first}'")).await.unwrap();
    house.scene.db.run(&format!("update tenant.projects set name = 'quick' where id = '{second}'")).await;
    assert_eq!(house.seal().await, 0);
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(house.seal().await, 2);
    assert_eq!(house.verified(&[]).await.faults, []);
}

#[tokio::test]
async fn what_is_forgotten_leaves_a_chain_that_can_be_verified() {
    let house = House::set().await;
    // A year and more ago, as far as the database knows.
    house.tamper("update tenant.audit_log set at = at - interval '500 days'").await;
    let old = house.seal().await;
    house
        .scene
        .db
        .run(&format!("update tenant.projects set name = 'new' where id = '{}'", town().acme.projects[0].id))
        .await;
    assert_eq!(house.seal().await, 1);
    assert_eq!(house.has_done(&ForgetAuditLog { days: 400 }).await["forgotten"], 0, "sealed just now");
    // Time passes: the seal of the old rows was made long ago.
    let key = house.key();
    house.tamper("update tenant.audit_seals set sealed_at = sealed_at - interval '450 days' where number = 1").await;
    resign(&house, &key).await;
    assert_eq!(house.verified(&[]).await.faults, []);
    assert_eq!(house.has_done(&ForgetAuditLog { days: 400 }).await["forgotten"], old);
    let report = house.verified(&[]).await;
    assert_eq!((report.forgotten, report.left, report.good, report.faults), (old, 0, 1, Vec::new()));
    // Who did what since is still held.
    house.tamper("update tenant.audit_log set action = 'x'").await;
    assert_eq!(house.verified(&[]).await.faults.len(), 1);
}

/// Whoever changes the last seal for a while does not get a signature for what it says.
#[tokio::test]
async fn nothing_is_sealed_or_forgotten_after_a_seal_that_was_changed() {
    let house = House::set().await;
    house.seal().await;
    house.rename("second").await;
    house.seal().await;
    house.rename("third").await;
    house.tamper("create temp table kept as select * from tenant.audit_seals").await;
    let whole = "delete from tenant.audit_seals; insert into tenant.audit_seals select * from kept";
    for how in [
        "update tenant.audit_seals set forgotten_through = 1 where number = 2",
        "update tenant.audit_seals set signature = decode(repeat('00', 64), 'hex') where number = 2",
        "delete from tenant.audit_seals where number = 1",
    ] {
        house.tamper(how).await;
        assert_eq!(house.fails(&SealAuditLog {}).await, "audit_chain_broken", "{how}");
        assert_eq!(house.fails(&ForgetAuditLog { days: 400 }).await, "audit_chain_broken", "{how}");
        house.tamper(whole).await;
        assert_eq!(house.verified(&[]).await.seals, 2, "{how}");
    }
    // Nor is what is over believed for a time that was not signed.
    house.tamper("update tenant.audit_seals set sealed_at = sealed_at - interval '450 days' where number = 1").await;
    assert_eq!(house.fails(&ForgetAuditLog { days: 400 }).await, "audit_chain_broken");
    house.tamper(whole).await;
    // Another worker seals with a newer key.
    let older = house.key();
    AuditKey::renew(&house.keys).unwrap();
    assert_eq!(house.seal().await, 1);
    house.rename("fourth").await;
    assert_eq!(house.has_done_with(&SealAuditLog {}, older).await["sealed"], 1);
    assert_eq!(house.verified(&[]).await.faults, []);
}

/// Such a chain was signed by a version that believed what stood in the last seal.
#[tokio::test]
async fn what_is_signed_as_forgotten_too_soon_is_a_fault_and_its_rows_are_missed() {
    let house = House::set().await;
    let rows = house.seal().await;
    house.rename("second").await;
    house.seal().await;
    house.tamper("update tenant.audit_seals set forgotten_through = 1 where number = 2").await;
    resign(&house, &house.key()).await;
    house.tamper("delete from tenant.audit_log where action <> 'project.updated'").await;
    let report = house.verified(&[]).await;
    assert_eq!(report.faults[0], Fault::ForgottenTooSoon { seal: 2, through: 1 });
    assert_eq!((report.forgotten, report.good), (0, usize::try_from(rows).unwrap() + 2 - report.faults.len()));
    // A day below what is kept at least, and a day above.
    for (days, expected) in [(89, 1), (91, 0)] {
        let sealed = format!(
            "update tenant.audit_seals set sealed_at = now() - interval '{days} days' where number = 1;
             update tenant.audit_seals set sealed_at = now() where number = 2"
        );
        house.tamper(&sealed).await;
        resign(&house, &house.key()).await;
        let faults = house.verified(&[]).await.faults;
        let soon = faults.iter().filter(|fault| matches!(fault, Fault::ForgottenTooSoon { .. })).count();
        assert_eq!(soon, expected, "{days}: {faults:?}");
    }
}

#[tokio::test]
async fn a_row_before_all_others_is_told_as_inserted() {
    let house = House::set().await;
    house.seal().await;
    for (epoch, xid, id) in [(-1, 5, Uuid::now_v7()), (i64::MIN, i64::MIN, Uuid::nil()), (0, 0, Uuid::nil())] {
        let place = format!("jsonb_build_object('epoch', {epoch}::numeric, 'xid', {xid}::numeric, 'id', '{id}')");
        let one = format!("select * from tenant.audit_log where tenant_id = '{}' limit 1", town().acme.id);
        house
            .tamper(&format!(
                "insert into tenant.audit_log select (jsonb_populate_record(l, {place})).* from ({one}) o join tenant.audit_log l using (tenant_id, epoch, xid, id)"
            ))
            .await;
        assert_eq!(house.verified(&[]).await.faults, [Fault::RowInserted { seal: 1, id }]);
        house.tamper("delete from tenant.audit_log where (epoch, xid) <= (0, 0)").await;
    }
}

/// All of it as whoever runs it from a timer.
#[tokio::test]
async fn heads_that_were_published_tell_what_was_cut_and_are_not_hidden_by_those_after() {
    let house = House::set().await;
    let file = house.keys.join("heads.ndjson");
    let path = file.to_str().unwrap();
    house.seal().await;
    house.rename("second").await;
    house.seal().await;
    let lines = || std::fs::read_to_string(&file).unwrap();
    let append = ["heads", "--append", path];
    let verify = ["verify", "--tenant", "acme", "--heads", path];
    assert_eq!(house.say(&append).0, Some(0));
    assert_eq!(house.say(&append).0, Some(0), "the same head again contradicts nothing");
    assert_eq!(house.say(&verify).0, Some(0));
    let (code, said) = house.say(&["verify", "--tenant", "nobody"]);
    assert_eq!((code, said.contains("there is no tenant")), (Some(2), true), "{said}");
    // What waits longer than it may is not fine.
    house.rename("waits").await;
    house.tamper("update tenant.audit_log set at = at - interval '3 hours' where (epoch, xid, id) > (select epoch, xid, row_id from tenant.audit_seals order by number desc limit 1)").await;
    let (code, said) = house.say(&verify);
    assert_eq!((code, said.contains("1 not sealed yet, the oldest for 3h")), (Some(1), true), "{said}");
    assert_eq!(house.say(&[&verify[..], &["--unsealed-for", "4h"]].concat()).0, Some(0));

    // The end is cut off, and sealed again as something else.
    let there = lines();
    house.tamper("delete from tenant.audit_seals where number = 2").await;
    let (code, said) = house.say(&append);
    assert_eq!((code, said.contains("seals 2 to 2 are gone")), (Some(1), true), "{said}");
    house.tamper("delete from tenant.audit_log where action = 'project.updated' and after ->> 'name' = 'second'").await;
    house.seal().await;
    let (code, said) = house.say(&append);
    assert_eq!((code, said.contains("seal 2 is not the one that was published")), (Some(1), true), "{said}");
    assert_eq!(lines(), there, "nothing was appended");
    // Nor does it help to append it by hand.
    let (_, now) = house.say(&["heads", "--tenant", "acme"]);
    std::fs::write(&file, there.clone() + &now).unwrap();
    let (code, said) = house.say(&verify);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("two different heads") && said.contains("not the one that was published"), "{said}");
    // A line whose head was made up is not signed.
    let mut line: PublishedHead = serde_json::from_str(now.lines().next().unwrap()).unwrap();
    line.head = "00".repeat(32);
    let faults = house.verified(std::slice::from_ref(&line)).await.faults;
    assert_eq!(faults, [Fault::OtherHead { seal: 2 }, Fault::BadPublished { seal: 2 }]);

    // All of a tenant's log is gone, and the tenant from the registry.
    house.tamper("delete from tenant.audit_seals; delete from tenant.audit_log").await;
    for gone in [
        "select 1",
        "update registry.tenants set slug = 'acme-gone' where slug = 'acme'",
        "delete from registry.tenants where slug = 'acme-gone'",
    ] {
        house.tamper(gone).await;
        let (code, said) = house.say(&["verify", "--heads", path]);
        assert_eq!((code, said.contains("seals 1 to 2 are gone")), (Some(1), true), "{gone}: {said}");
        assert_eq!(house.say(&append).0, Some(1), "{gone}");
    }
}

/// Makes a chain good that was made older.
async fn resign(house: &House, key: &AuditKey) {
    use rowhouse::work::audit_log::{AuditSeal, NO_HEAD};
    let (admin, acme) = (house.scene.db.migrator().await, town().acme.id);
    let all = rowhouse::sql!("operate/audit_seals");
    let seals: Vec<AuditSeal> = admin.all(all, &[&acme, &0_i64, &10_i64]).await.unwrap();
    let mut before = NO_HEAD.to_vec();
    for seal in seals {
        before = seal.head_after(acme, &before).to_vec();
        let signature = key.sign(&before);
        let update = "update tenant.audit_seals set head = $3, signature = $4 where tenant_id = $1 and number = $2";
        house.scene.superuser.batch_execute("set session_replication_role = replica").await.unwrap();
        house.scene.superuser.execute(update, &[&acme, &seal.number, &before, &signature]).await.unwrap();
        house.scene.superuser.batch_execute("set session_replication_role = origin").await.unwrap();
    }
}

/// An owner of the tenant causes none of both, has none done again, and puts none off.
#[tokio::test]
async fn nobody_in_a_tenant_causes_a_seal_or_puts_one_off() {
    let house = House::set().await;
    let acme = &town().acme;
    let later = NewJob::new(&SealAuditLog {}).unwrap();
    house.scene.schedule(acme.id, std::slice::from_ref(&later)).await;
    let api = house.scene.db.api().await;
    let insert = |kind: &str, payload: &str| {
        format!(
            "insert into tenant.jobs (tenant_id, id, kind, payload, payload_version, priority, max_attempts, created_by)
             values ('{}', gen_random_uuid(), '{kind}', '{payload}', 1, 1, 3, '{}')",
            acme.id, acme.owner.id
        )
    };
    for change in [
        insert("audit_log.seal", "{}"),
        insert("audit_log.forget", r#"{"days": 0}"#),
        "update tenant.jobs set run_at = now() + interval '100 years' where kind = 'audit_log.seal'".to_owned(),
    ] {
        let begin = format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
            acme.id, acme.owner.id
        );
        api.batch_execute(&begin).await.unwrap();
        let refused = api.batch_execute(&change).await.expect_err(&change);
        let code = refused.code().unwrap().code();
        assert!(["RH004", "42501"].contains(&code), "{change}: {refused:?}");
        api.batch_execute("rollback").await.unwrap();
    }
}
