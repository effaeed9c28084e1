//! What is kept for a while goes when it is old, in the tenant whose job it is and in no other, and what is young stays whatever a job is told.
use std::time::Duration;

use rowhouse::{
    auth::Keys,
    compose,
    db::{Statements, WorkerDb},
    dns::NameServers,
    jobs::{Job, NewJob, cron::keep_time},
    settings::Profile,
    work::{
        self, Means,
        domains::CheckDomains,
        forget::{ForgetEvents, ForgetIdempotencyKeys, ForgetJobs, ForgetNotifications},
        letters::Post,
    },
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Scene, at_work};
use crate::support::{KEYS, Names, TestDb, town, tuning};

/// Has acme's owner cause a job, and waits for what came of it.
async fn has_done<J: Job>(scene: &Scene, job: &J) -> i64 {
    let acme = &town().acme;
    let job = NewJob::new(job).unwrap();
    scene.enqueue(acme.id, &acme.owner, std::slice::from_ref(&job)).await;
    let kinds = compose::kinds(&Means::default());
    let working = at_work(&scene.worker_for(2, kinds, Duration::from_secs(5)));
    scene.until(job.id(), "succeeded").await;
    working.finish().await;
    let result = "select (result ->> 'forgotten')::bigint from tenant.jobs where id = $1";
    scene.superuser.query_one(result, &[&job.id()]).await.unwrap().get(0)
}

/// The job that looks at domains is held by the same means.
#[tokio::test]
async fn a_domain_that_no_longer_shows_its_record_is_let_go_of_by_the_job_and_another_tenants_is_left_alone() {
    let scene = Scene::set().await;
    let names = Names::start().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let mail = tuning(&[]).mail;
    let post = Post::new(mail.mailer(Profile::Production).unwrap(), Keys::read(&KEYS).unwrap());
    let means = Means::default().with_post(post).with_dns(NameServers::new(&[names.address]).unwrap());
    let look = async || {
        let job = NewJob::new(&CheckDomains {}).unwrap();
        scene.enqueue(acme.id, &acme.owner, std::slice::from_ref(&job)).await;
        let working = at_work(&scene.worker_for(2, compose::kinds(&means), Duration::from_secs(5)));
        scene.until(job.id(), "succeeded").await;
        working.finish().await;
        let result = "select result from tenant.jobs where id = $1";
        scene.superuser.query_one(result, &[&job.id()]).await.unwrap().get::<_, serde_json::Value>(0)
    };
    names.set(&format!("_rowhouse.{}", acme.domain), &["rowhouse-verify=challenge"]);
    assert_eq!(look().await, serde_json::json!({ "shown": 1, "gone": 0, "unanswered": 0 }));
    names.set(&format!("_rowhouse.{}", acme.domain), &["something else"]);
    assert_eq!(look().await, serde_json::json!({ "shown": 0, "gone": 1, "unanswered": 0 }));
    let resolving = "select string_agg(domain, ',') from registry.hosts";
    let left: String = scene.superuser.query_one(resolving, &[]).await.unwrap().get(0);
    assert_eq!(left, globex.domain);
    assert_eq!(look().await, serde_json::json!({ "shown": 0, "gone": 0, "unanswered": 0 }), "it resolves no more");
}

/// How many rows acme and globex have in a table.
async fn left(scene: &Scene, table: &str) -> [i64; 2] {
    let mut left = [0; 2];
    for (count, tenant) in left.iter_mut().zip([town().acme.id, town().globex.id]) {
        let select = format!("select count(*) from {table} where tenant_id = $1");
        *count = scene.superuser.query_one(&select, &[&tenant]).await.unwrap().get(0);
    }
    left
}

#[tokio::test]
async fn events_of_long_ago_go_and_how_far_is_written_down() {
    let scene = Scene::set().await;
    let fill = "delete from tenant.events; delete from tenant.event_floors;
        insert into tenant.events (tenant_id, epoch, xid, id, type, permission, actor_kind, data, created_at)
        select t.id, 1, n, registry.new_id(), case when n % 2 = 0 then 'task.created' else 'project.created' end, 'projects:read', 'none',
               '{}', now() - interval '91 days' + make_interval(days => n / 1300 * 2)
        from registry.tenants t, generate_series(1, 2600) n where t.slug in ('acme', 'globex')";
    scene.superuser.batch_execute(fill).await.unwrap();
    assert_eq!(has_done(&scene, &ForgetEvents { days: 90 }).await, 1299, "those of 91 days go, those of 89 stay");
    assert_eq!(left(&scene, "tenant.events").await, [1301, 2600]);
    let floor = "select f.tenant_id, f.epoch, f.xid from tenant.event_floors f";
    let rows = scene.superuser.query(floor, &[]).await.unwrap();
    assert_eq!(rows.len(), 1, "globex has forgotten nothing");
    let floor: (Uuid, i64, i64) = (rows[0].get(0), rows[0].get(1), rows[0].get(2));
    assert_eq!(floor, (town().acme.id, 1, 1299));
    // However little a job is told to leave, what is younger than thirty days stays.
    scene
        .superuser
        .batch_execute("update tenant.events set created_at = now() - interval '29 days' where xid > 2000")
        .await
        .unwrap();
    assert_eq!(has_done(&scene, &ForgetEvents { days: 0 }).await, 701);
    assert_eq!(left(&scene, "tenant.events").await, [600, 2600]);
}

#[tokio::test]
async fn notifications_of_long_ago_go_for_each_member_and_young_ones_stay() {
    let scene = Scene::set().await;
    let fill = "insert into tenant.notifications (tenant_id, user_id, id, kind, title)
        select m.tenant_id, m.user_id, (left(registry.first_id_at(now() - make_interval(days => 10 * n))::text, 18) || right(gen_random_uuid()::text, 18))::uuid,
               'member.joined', 'x' from tenant.memberships m, generate_series(2, 12) n";
    scene.superuser.batch_execute(fill).await.unwrap();
    let before = left(&scene, "tenant.notifications").await;
    // Of 90, 100, 110 and 120 days, of four members; that of 90 may be a moment younger than that by its millisecond.
    assert_eq!(has_done(&scene, &ForgetNotifications { days: 89 }).await, 16);
    assert_eq!(left(&scene, "tenant.notifications").await, [before[0] - 16, before[1]]);
    assert_eq!(has_done(&scene, &ForgetNotifications { days: 0 }).await, 24, "that of twenty days stays");
}

#[tokio::test]
async fn keys_of_requests_and_tickets_go_when_they_have_expired() {
    let scene = Scene::set().await;
    let fill = "insert into tenant.idempotency_keys (tenant_id, user_id, key, fingerprint, expires_at)
        select m.tenant_id, m.user_id, 'key ' || n, sha256('x'), now() + make_interval(hours => n)
        from tenant.memberships m, generate_series(-300, 4) n";
    scene.superuser.batch_execute(fill).await.unwrap();
    let tickets = "insert into tenant.tickets (tenant_id, user_id, id, expires_at)
        select m.tenant_id, m.user_id, registry.new_id(), now() + make_interval(hours => n) from tenant.memberships m, generate_series(-300, 4) n";
    scene.superuser.batch_execute(tickets).await.unwrap();
    let before = left(&scene, "tenant.idempotency_keys").await;
    let tickets = left(&scene, "tenant.tickets").await;
    assert_eq!(has_done(&scene, &ForgetIdempotencyKeys {}).await, 4 * 301);
    assert_eq!(left(&scene, "tenant.idempotency_keys").await, [before[0] - 4 * 301, before[1]]);
    assert_eq!(
        left(&scene, "tenant.tickets").await,
        [tickets[0] - 4 * 301, tickets[1]],
        "tickets that nobody used, too"
    );
}

#[tokio::test]
async fn jobs_that_ended_long_ago_go() {
    let scene = Scene::set().await;
    let fill = "insert into tenant.jobs (tenant_id, id, kind, state, finished_at)
        select t.id, registry.new_id(), 'tests.chore', 'dead', now() - make_interval(days => n) from registry.tenants t, generate_series(20, 40) n";
    scene.superuser.batch_execute(fill).await.unwrap();
    assert_eq!(has_done(&scene, &ForgetJobs { days: 30 }).await, 11);
}

#[tokio::test]
async fn what_is_over_of_accounts_goes_and_nothing_of_anybody_who_is_there() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    // More than one step's.
    let fill = format!(
        "insert into registry.users (id, email, full_name, password_hash, created_at, email_verified_at)
             select registry.new_id(), 'somebody' || n || '@new.example', 'Somebody', 'x', now() - make_interval(days => n),
                    case when n % 2 = 0 then now() end from generate_series(1, 250) n;
         insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
             select sha256(convert_to(email, 'UTF8')), id, 'verify_email', email, now() + make_interval(hours => case email when 'somebody99@new.example' then 1 else -1 end)
             from registry.users where email ~ '^somebody';
         update registry.tenants set founder_id = (select id from registry.users where email = 'somebody101@new.example') where slug = 'acme';
         insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
             select gen_random_uuid(), '{owner}', 'bearer', now() - make_interval(days => n), now() + interval '1 day' from generate_series(1, 20) n;
         insert into registry.idempotency_keys (user_id, key, fingerprint, expires_at)
             select '{owner}', 'key ' || n, sha256('x'), now() + make_interval(hours => n) from generate_series(-5, 5) n;
         insert into registry.schedules (name, last_at) values ('accounts.forget', now() - interval '3 days')",
        owner = town().acme.owner.id
    );
    superuser.batch_execute(&fill).await.unwrap();
    let counts = "select array[
        (select count(*) from registry.users where email ~ '^somebody'), (select count(*) from registry.users where email !~ '^somebody'),
        (select count(*) from registry.mail_tokens), (select count(*) from registry.sessions), (select count(*) from registry.idempotency_keys)]";
    let people: Vec<i64> = superuser.query_one(counts, &[]).await.unwrap().get(0);
    let stop = CancellationToken::new();
    let worker = WorkerDb::open(&db.url("rowhouse_worker").into(), 2, Statements::Named).unwrap();
    let keeper = tokio::spawn(keep_time(worker, work::recurring().unwrap(), stop.clone()));
    let done = "select count(*) from registry.schedules where name = 'accounts.forget' and last_at > now() - interval '1 day' and firing_at is null";
    let mut tries = 0;
    while superuser.query_one(done, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tries += 1;
        assert!(tries < 500, "it is not done");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    keeper.await.unwrap();
    let after: Vec<i64> = superuser.query_one(counts, &[]).await.unwrap().get(0);
    // Odd ones, older than thirty days: 110, but for whoever has a link that is good and whoever has founded a tenant.
    assert_eq!(people[0] - after[0], 108);
    assert_eq!(people[1], after[1]);
    assert_eq!(after[2], 1, "of links the one that is good");
    assert_eq!(people[3] - after[3], 14, "sessions that ended more than a week ago");
    assert_eq!(people[4] - after[4], 6);
    let stays = "select count(*) from registry.users where email in ('somebody99@new.example', 'somebody101@new.example', 'somebody29@new.example')";
    assert_eq!(superuser.query_one(stays, &[]).await.unwrap().get::<_, i64>(0), 3);
}
