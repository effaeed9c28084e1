//! What a worker may do: behind one tenant's wall, for a job that it holds, what that job's kind may do; and who may cause a job.
use tokio_postgres::Client;
use uuid::Uuid;

use super::{enter, fingerprint, leave, names, number, refusal};
use crate::support::{TestDb, town};

/// A kind that may write projects, and what it needs for that.
const PREPARE: &str = "
    insert into registry.job_kinds (kind, permissions, asks) values ('tests.write', '{projects:write}', 'projects:write');
    create policy update_worker on tenant.projects for update to rowhouse_worker
        using (tenant_id = (select registry.require_job('projects:write')));
    create policy select_worker on tenant.projects for select to rowhouse_worker
        using (tenant_id = (select registry.require_job('projects:write')));
    create policy delete_worker on tenant.projects for delete to rowhouse_worker
        using (tenant_id = (select registry.require_job('projects:delete')));
    grant select, update (name), delete on tenant.projects to rowhouse_worker";

struct Scene {
    db: TestDb,
    superuser: Client,
    worker: Client,
}

impl Scene {
    async fn set() -> Self {
        let db = TestDb::new().await;
        let (superuser, worker) = (db.superuser().await, db.client("rowhouse_worker").await);
        superuser.batch_execute(PREPARE).await.unwrap();
        Self { db, superuser, worker }
    }

    /// A job that is running, with its lease.
    async fn running(&self, tenant: Uuid) -> [Uuid; 2] {
        let [job, lease] = [(); 2].map(|()| Uuid::now_v7());
        let insert = format!(
            "insert into tenant.jobs (tenant_id, id, kind, state, lease, lease_until)
             values ('{tenant}', '{job}', 'tests.write', 'running', '{lease}', now() + interval '1 minute')"
        );
        self.superuser.batch_execute(&insert).await.unwrap();
        [job, lease]
    }

    /// What a statement is refused with for whoever says to be this job.
    async fn as_job(&self, tenant: Uuid, held: [Uuid; 2], statement: &str) -> String {
        self.worker.batch_execute(&begin(tenant, held)).await.unwrap();
        let refused = refusal(&self.worker, statement).await;
        leave(&self.worker).await;
        refused
    }
}

fn begin(tenant: Uuid, [job, lease]: [Uuid; 2]) -> String {
    format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = ''; set local app.api_key = ''; set local app.job_id = '{job}'; set local app.job_lease = '{lease}'"
    )
}

const WRITE: &str = "update tenant.projects set name = gen_random_uuid()::text";

#[tokio::test]
async fn a_job_does_what_its_kind_may_under_its_lease_in_its_tenant_and_nothing_else() {
    let scene = Scene::set().await;
    let (acme, globex) = (town().acme.id, town().globex.id);
    let (own, others) = (scene.running(acme).await, scene.running(globex).await);
    let before = fingerprint(&scene.superuser, globex).await;
    assert_eq!(scene.as_job(acme, own, WRITE).await, "", "the control");
    assert_eq!(scene.as_job(acme, own, "delete from tenant.projects").await, "RH004", "what its kind may not");
    // Another's job, another's lease, both in one's own tenant, and one that is nowhere.
    for held in [others, [own[0], others[1]], [others[0], own[1]], [Uuid::now_v7(), own[1]], [own[0], Uuid::nil()]] {
        assert_eq!(scene.as_job(acme, held, WRITE).await, "RH050", "{held:?}");
    }
    assert_eq!(scene.as_job(globex, own, WRITE).await, "RH050", "in a tenant that is not its own");
    // Without any job: the wall lets it see jobs, and nothing else.
    let none =
        format!("begin; set local app.tenant_id = '{acme}'; set local app.job_id = ''; set local app.job_lease = ''");
    scene.worker.batch_execute(&none).await.unwrap();
    assert_eq!(refusal(&scene.worker, WRITE).await, "22P02");
    assert_eq!(
        number(&scene.worker, &format!("select count(*) from tenant.jobs where tenant_id <> '{acme}'")).await,
        0
    );
    leave(&scene.worker).await;
    assert_eq!(refusal_outside(&scene.worker).await, "22P02", "without a tenant it is an error");
    assert_eq!(fingerprint(&scene.superuser, globex).await, before);
}

async fn refusal_outside(worker: &Client) -> String {
    worker.batch_execute("begin; set local app.tenant_id = ''").await.unwrap();
    let refused = refusal(worker, "select count(*) from tenant.jobs").await;
    leave(worker).await;
    refused
}

#[tokio::test]
async fn whoever_has_lost_their_job_is_out_at_the_next_statement() {
    let scene = Scene::set().await;
    let acme = town().acme.id;
    let ends = [
        ("its lease has run out", "lease_until = clock_timestamp()"),
        ("it was given to another", "lease = gen_random_uuid()"),
        ("it has ended", "state = 'succeeded', lease = null, lease_until = null, finished_at = now()"),
        ("it waits again", "state = 'waiting', lease = null, lease_until = null"),
    ];
    for (what, set) in ends {
        let held @ [job, _] = scene.running(acme).await;
        let begin = format!(
            "begin; set local app.tenant_id = '{acme}'; set local app.job_id = '{job}'; set local app.job_lease = '{}'",
            held[1]
        );
        scene.worker.batch_execute(&begin).await.unwrap();
        assert_eq!(refusal(&scene.worker, WRITE).await, "", "the control");
        let other = scene.db.superuser().await;
        other.batch_execute(&format!("update tenant.jobs set {set} where id = '{job}'")).await.unwrap();
        assert_eq!(refusal(&scene.worker, WRITE).await, "RH050", "{what}");
        leave(&scene.worker).await;
    }
    // The tenant's end is its jobs' as well.
    let held = scene.running(acme).await;
    scene.superuser.batch_execute("update registry.tenants set status = 'suspended'").await.unwrap();
    assert_eq!(scene.as_job(acme, held, WRITE).await, "RH003");
}

#[tokio::test]
async fn whoever_causes_a_job_holds_what_its_kind_asks_for() {
    let scene = Scene::set().await;
    let (api, acme) = (scene.db.api().await, &town().acme);
    let cause = |kind: &str, by: Option<Uuid>| {
        let by = by.map_or("null".to_owned(), |by| format!("'{by}'"));
        format!(
            "insert into tenant.jobs (tenant_id, id, kind, created_by) values ('{}', gen_random_uuid(), '{kind}', {by})",
            acme.id
        )
    };
    enter(&api, acme.id, &acme.member).await;
    assert_eq!(refusal(&api, &cause("tests.write", Some(acme.member.id))).await, "", "the control");
    assert_eq!(refusal(&api, &cause("jobs.forget", None)).await, "RH004", "a member may not write jobs");
    assert_eq!(refusal(&api, &cause("tests.unknown", None)).await, "RH005");
    assert_eq!(refusal(&api, &cause("tests.write", Some(acme.owner.id))).await, "42501", "in another's name");
    assert_eq!(refusal(&api, "select id from tenant.jobs").await, "RH004", "nor see them");
    assert_eq!(refusal(&api, "select payload from tenant.jobs").await, "42501", "what it is about is the worker's");
    leave(&api).await;
    enter(&api, acme.id, &acme.viewer).await;
    assert_eq!(
        refusal(&api, &cause("tests.write", None)).await,
        "RH004",
        "a job does not do for a viewer what they may not"
    );
    leave(&api).await;
    // A job passes on what it may do itself, and no more.
    let held = scene.running(acme.id).await;
    assert_eq!(scene.as_job(acme.id, held, &cause("tests.write", None)).await, "");
    assert_eq!(scene.as_job(acme.id, held, &cause("jobs.forget", None)).await, "RH004");
    assert_eq!(scene.as_job(acme.id, [held[0], Uuid::nil()], &cause("tests.write", None)).await, "RH050");
}

/// Whoever may cause jobs of one kind, under the key of another and for the end of days, would hold that one up.
#[tokio::test]
async fn a_job_is_written_down_under_no_other_kinds_keys() {
    let scene = Scene::set().await;
    let (api, acme) = (scene.db.api().await, &town().acme);
    let cause = |keys: &str, values: &str| {
        format!(
            "insert into tenant.jobs (tenant_id, id, kind, run_at, {keys}) values ('{}', gen_random_uuid(), 'tests.write', now() + interval '9 years', {values})",
            acme.id
        )
    };
    let held = scene.running(acme.id).await;
    let endpoint = Uuid::now_v7();
    for (keys, values, refused) in [
        ("unique_key", "'tests.write/all'".to_owned(), ""),
        ("order_key, unique_key", "'tests/one', 'tests.write/one'".to_owned(), ""),
        ("order_key", "'tests'".to_owned(), ""),
        ("unique_key", "'webhooks.relay/all'".to_owned(), "42501"),
        ("unique_key", "'tests.writer/all'".to_owned(), "42501"),
        ("order_key", format!("'webhooks/{endpoint}'"), "42501"),
        ("order_key", format!("'test/{endpoint}'"), "42501"),
        ("order_key, unique_key", "'tests/two', 'jobs.forget/all'".to_owned(), "42501"),
    ] {
        enter(&api, acme.id, &acme.member).await;
        assert_eq!(refusal(&api, &cause(keys, &values)).await, refused, "{keys} {values}");
        leave(&api).await;
        assert_eq!(scene.as_job(acme.id, held, &cause(keys, &values)).await, refused, "{keys} {values}, by a worker");
    }
}

#[tokio::test]
async fn whose_turn_it_is_is_told_to_the_worker_alone_and_outside_any_tenant() {
    let scene = Scene::set().await;
    let acme = town().acme.id;
    let ask = "select registry.claim_turn('{}')";
    let nobody = Uuid::nil();
    let all = format!("select registry.open_tenants('{nobody}', 10)");
    for call in [ask, &all, "select registry.job_figures()", "select registry.letter_figures()"] {
        scene.worker.batch_execute(&format!("begin; set local app.tenant_id = '{acme}'")).await.unwrap();
        assert_eq!(refusal(&scene.worker, call).await, "RH005");
        // What recurs is no job's business either.
        assert_eq!(number(&scene.worker, "select count(*) from registry.schedules").await, 0);
        leave(&scene.worker).await;
    }
    for role in ["rowhouse_api", "rowhouse_gate", "rowhouse_platform"] {
        let client = scene.db.client(role).await;
        client.batch_execute("begin; set local app.tenant_id = ''").await.unwrap();
        assert_eq!(refusal(&client, ask).await, "42501", "{role}");
        leave(&client).await;
    }
    // Whoever's turn it was goes to the end of the line; whoever is named or not open is passed over.
    let line = format!(
        "update tenant.job_heads set ready_at = 'infinity';
         update tenant.job_heads set ready_at = now() - interval '1 minute' where tenant_id = '{acme}';
         update tenant.job_heads set ready_at = now() where tenant_id = '{}'",
        town().globex.id
    );
    scene.superuser.batch_execute(&line).await.unwrap();
    let next = async |but_not: &str| {
        scene.worker.batch_execute("begin; set local app.tenant_id = ''").await.unwrap();
        let told = names(&scene.worker, &format!("select coalesce(registry.claim_turn('{{{but_not}}}')::text, '')"))
            .await
            .remove(0);
        scene.worker.batch_execute("commit").await.unwrap();
        told
    };
    let (acme, globex) = (acme.to_string(), town().globex.id.to_string());
    assert_eq!([next("").await, next("").await, next("").await], [acme.clone(), globex.clone(), acme.clone()]);
    assert_eq!(next(&globex).await, acme, "globex is next, and named");
    scene.superuser.batch_execute("update registry.tenants set status = 'suspended'").await.unwrap();
    assert_eq!(next("").await, "");
}

#[tokio::test]
async fn what_waits_is_counted_beside_jobs_that_run_and_have_ended() {
    let scene = Scene::set().await;
    scene.running(town().acme.id).await;
    let ended = "insert into tenant.jobs (tenant_id, id, kind, state, finished_at)
        select id, registry.new_id(), 'tests.write', 'succeeded', now() from registry.tenants;
        insert into tenant.jobs (tenant_id, id, kind)
        select id, registry.new_id(), 'tests.write' from registry.tenants where slug in ('acme', 'globex')";
    scene.superuser.batch_execute(ended).await.unwrap();
    for id in ["", "; set local app.job_id = ''"] {
        scene.worker.batch_execute(&format!("begin; set local app.tenant_id = ''{id}")).await.unwrap();
        let waiting = "select jobs from registry.job_figures() where kind = 'tests.write'";
        assert_eq!(number(&scene.worker, waiting).await, 2);
        leave(&scene.worker).await;
    }
}

#[tokio::test]
async fn whoever_has_a_job_done_again_holds_what_its_kind_asks_for_and_reads_nothing_that_is_the_workers() {
    let scene = Scene::set().await;
    let acme = &town().acme;
    let held = scene.running(acme.id).await;
    let prepare = format!(
        "update tenant.memberships set permissions = '{{jobs:read,jobs:write}}' where tenant_id = '{0}' and user_id = '{1}';
         update tenant.jobs set state = 'dead', lease = null, lease_until = null, finished_at = now() where id = '{2}'",
        acme.id, acme.viewer.id, held[0]
    );
    scene
        .superuser
        .batch_execute(&format!("set session_replication_role = replica; {prepare}; reset session_replication_role"))
        .await
        .unwrap();
    let api = scene.db.api().await;
    let begin = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
        acme.id, acme.viewer.id
    );
    let retry = format!("update tenant.jobs set state = 'waiting', finished_at = null where id = '{}'", held[0]);
    let discard = format!("update tenant.jobs set state = 'discarded' where id = '{}'", held[0]);
    for (statement, wanted) in [
        (&*retry, "RH004"),
        (&*discard, ""),
        ("select state from tenant.jobs", ""),
        ("select payload from tenant.jobs", "42501"),
        ("select lease from tenant.jobs", "42501"),
        ("select unique_key, order_key from tenant.jobs", "42501"),
    ] {
        api.batch_execute(&begin).await.unwrap();
        assert_eq!(refusal(&api, statement).await, wanted, "{statement}");
        leave(&api).await;
    }
}

/// A kind that acts on behalf of whoever caused it does so as long as they hold what it asks for, be it a member or a key; and nobody says that it was
/// another who did.
#[tokio::test]
async fn what_is_done_on_somebodys_behalf_ends_with_what_they_may() {
    let scene = Scene::set().await;
    let acme = &town().acme;
    scene
        .superuser
        .batch_execute("update registry.job_kinds set on_behalf = true where kind = 'tests.write'")
        .await
        .unwrap();
    let set = async |what: &str| scene.superuser.batch_execute(what).await.unwrap();
    let key = format!("tenant.api_keys where tenant_id = '{}' and id = '{}'", acme.id, acme.api_key);
    set(&format!("update {}", key.replace(" where", " set permissions = '{projects:write}' where"))).await;

    let (member, by_key, nobody) =
        (scene.running(acme.id).await, scene.running(acme.id).await, scene.running(acme.id).await);
    set(&format!("update tenant.jobs set created_by = '{}' where id = '{}'", acme.member.id, member[0])).await;
    set(&format!("update tenant.jobs set api_key_id = '{}' where id = '{}'", acme.api_key, by_key[0])).await;
    for (what, held, refused) in [("a member's", member, ""), ("a key's", by_key, ""), ("nobody's", nobody, "RH004")] {
        assert_eq!(scene.as_job(acme.id, held, WRITE).await, refused, "{what}");
    }
    // What is done so they have done.
    scene.worker.batch_execute(&begin(acme.id, member)).await.unwrap();
    scene.worker.batch_execute(WRITE).await.unwrap();
    scene.worker.batch_execute("commit").await.unwrap();
    let actors = "select distinct actor_kind || ' ' || actor_id from tenant.events where type = 'project.updated'";
    assert_eq!(names(&scene.superuser, actors).await, [format!("user {}", acme.member.id)]);

    set(&format!(
        "update tenant.memberships m set role_id = v.role_id, permissions = v.permissions from tenant.memberships v
         where m.tenant_id = v.tenant_id and v.tenant_id = '{}' and v.user_id = '{}' and m.user_id = '{}'",
        acme.id, acme.viewer.id, acme.member.id
    ))
    .await;
    set(&format!("update {}", key.replace(" where", " set expires_at = now() where"))).await;
    for (what, held) in [("a member who may not any more", member), ("a key that has expired", by_key)] {
        assert_eq!(scene.as_job(acme.id, held, WRITE).await, "RH004", "{what}");
    }
    set(&format!("delete from {key}")).await;
    assert_eq!(scene.as_job(acme.id, by_key, WRITE).await, "RH004", "a key that was revoked");

    let api = scene.db.client("rowhouse_api").await;
    enter(&api, acme.id, &acme.owner).await;
    for column in ["api_key_id", "lease"] {
        let forged = format!(
            "insert into tenant.jobs (tenant_id, id, kind, {column}) values ('{}', gen_random_uuid(), 'tests.write', '{}')",
            acme.id, acme.api_key
        );
        assert_eq!(refusal(&api, &forged).await, "42501", "{column}");
    }
    leave(&api).await;
}

/// Ids of operations are shown to whoever reads them, and ids of what recurs can be worked out: neither is a way to somebody else's job, nor to their name.
#[tokio::test]
async fn an_id_of_a_job_is_no_way_to_act_in_anothers_name_or_to_stop_what_is_anothers() {
    let scene = Scene::set().await;
    let acme = &town().acme;
    let api = scene.db.client("rowhouse_api").await;
    let actors = async |name: &str| {
        let of = format!(
            "select actor_kind || ' ' || coalesce(actor_id::text, '') from tenant.events e join tenant.projects p
             on p.id::text = e.data ->> 'id' where e.type = 'project.created' and p.name = '{name}'"
        );
        names(&scene.superuser, &of).await
    };
    let set = async |what: &str| scene.superuser.batch_execute(what).await.unwrap();
    set("update registry.job_kinds set on_behalf = true where kind = 'tests.write'").await;
    let owners = scene.running(acme.id).await;
    set(&format!("update tenant.jobs set created_by = '{}' where id = '{}'", acme.owner.id, owners[0])).await;
    for (name, job) in [("theirs", owners[0]), ("nobodys", Uuid::now_v7())] {
        enter(&api, acme.id, &acme.member).await;
        let write = format!(
            "set local app.job_id = '{job}'; insert into tenant.projects (tenant_id, id, name) values ('{}', gen_random_uuid(), '{name}')",
            acme.id
        );
        api.batch_execute(&write).await.unwrap();
        api.batch_execute("commit").await.unwrap();
        assert_eq!(actors(name).await, [format!("user {}", acme.member.id)], "{name}");
    }

    // Who may cause what acts on behalf of somebody causes it for themselves, in its order, at once, and under no id of the schedule's.
    let insert = |columns: &str, values: &str| {
        format!(
            "insert into tenant.jobs (tenant_id, kind, order_key, created_by{columns}) values ('{}', 'products.import', 'operations', '{}'{values})",
            acme.id, acme.member.id
        )
    };
    let own = |id: &str| insert(", id", &format!(", '{id}'"));
    let (usual, recurring) = (Uuid::now_v7().to_string(), "01a22569-cb20-8244-8328-53975a7e8d65");
    for (what, statement, refused) in [
        ("the control", own(&usual), ""),
        ("an id of the schedule's", own(recurring), "42501"),
        ("never due", insert(", id, run_at", &format!(", '{}', '2100-01-01'", Uuid::now_v7())), "42501"),
        ("in no order", own(&Uuid::now_v7().to_string()).replace("'operations'", "null"), "42501"),
        (
            "in nobody's name",
            own(&Uuid::now_v7().to_string()).replace(&format!("'{}'", acme.member.id), "null"),
            "42501",
        ),
        (
            "another kind in that order",
            own(&Uuid::now_v7().to_string()).replace("products.import", "tests.membership"),
            "42501",
        ),
    ] {
        set("insert into registry.job_kinds (kind) values ('tests.membership') on conflict do nothing").await;
        enter(&api, acme.id, &acme.member).await;
        // What a member says of keys is no key's doing.
        api.batch_execute(&format!("set local app.api_key = '{}.00'", acme.api_key)).await.unwrap();
        assert_eq!(refusal(&api, &statement).await, refused, "{what}");
        leave(&api).await;
    }
    let made_by_worker = format!(
        "insert into tenant.jobs (tenant_id, id, kind, order_key) values ('{}', gen_random_uuid(), 'products.import', 'operations')",
        acme.id
    );
    scene
        .worker
        .batch_execute(&format!(
            "begin; set local app.tenant_id = '{}'; set local app.job_id = ''; set local app.user_id = ''; set local app.api_key = ''",
            acme.id
        ))
        .await
        .unwrap();
    assert_eq!(refusal(&scene.worker, &made_by_worker).await, "RH004", "a worker causes nothing on anybody's behalf");
    leave(&scene.worker).await;

    // An operation with the id of another kind's job stops it not.
    let other = Uuid::now_v7();
    set(&format!("insert into tenant.jobs (tenant_id, id, kind) values ('{}', '{other}', 'jobs.forget')", acme.id))
        .await;
    enter(&api, acme.id, &acme.member).await;
    api.batch_execute(&format!(
        "insert into tenant.operations (tenant_id, id, kind, alive_at) values ('{}', '{other}', 'products.import', 'infinity');
         update tenant.operations set cancelling = true where id = '{other}'; commit",
        acme.id
    ))
    .await
    .unwrap();
    let state = format!("select state || ' ' || cancelling from tenant.jobs where id = '{other}'");
    assert_eq!(names(&scene.superuser, &state).await, ["waiting false"]);
    let ended = format!("select status from tenant.operations where id = '{other}'");
    assert_eq!(names(&scene.superuser, &ended).await, ["cancelled"], "nobody does it, so nobody else would end it");
}
