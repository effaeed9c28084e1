//! The dashboard: figures that are counted again by hand, days as a clock on the tenant's wall shows them, and nobody
//! sees more on it than elsewhere.
use reqwest::{Method, header::ACCEPT};
use rowhouse::auth::sha256;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, town};

const KPIS: &str = "/dashboard/kpis";

/// What acme has besides its members, which are four: nothing but this. Ages are in days.
async fn counted_by_hand(db: &TestDb) {
    let acme = town().acme.id;
    db.run(&format!(
        "delete from tenant.projects where tenant_id = '{acme}';
         delete from tenant.products where tenant_id = '{acme}';
         insert into tenant.projects (tenant_id, id, name, status, created_at)
             select '{acme}', gen_random_uuid(), 'project ' || n, s, now() - age * interval '1 day'
             from unnest(array['active', 'active', 'planned', 'archived', 'completed', 'paused', 'active'],
                         array[0, 6.9, 7.1, 13.9, 20, 45, 61]) with ordinality x (s, age, n);
         insert into tenant.project_tasks (tenant_id, id, project_id, name, status)
             select '{acme}', gen_random_uuid(), p.id, 'task', s
             from tenant.projects p, unnest(array['done', 'done', 'done', 'open', 'in_progress']) s
             where p.tenant_id = '{acme}' and p.name in ('project 1', 'project 2');
         -- Six are done: four as above, in the last days; two long ago.
         update tenant.project_tasks t set done_at = now() - interval '50 days'
             where t.status = 'done' and t.id in (select min(id::text)::uuid from tenant.project_tasks
                 where tenant_id = '{acme}' and status = 'done' group by project_id);
         insert into tenant.products (tenant_id, id, name, sku, price_minor, currency, stock, status)
             select '{acme}', {id}, 'product ' || n, n, price, c, stock, s
             from unnest(array[1, 8, 29, 31, 59, 200], array[100, 250, 1, 999, 1000000000000, 7],
                         array['EUR', 'EUR', 'USD', 'USD', 'EUR', 'JPY'], array[3, 0, 5, 6, 1000000000, 0],
                         array['active', 'draft', 'active', 'archived', 'active', 'active'])
                  with ordinality x (age, price, c, stock, s, n);
         update tenant.memberships set created_at = now() - interval '10 days'
             where tenant_id = '{acme}' and user_id in ('{owner}', '{viewer}')",
        id = id_at("now() - age * interval '1 day'", "n"),
        owner = town().acme.owner.id,
        viewer = town().acme.viewer.id,
    ))
    .await;
}

/// An id made at this time.
fn id_at(time: &str, n: &str) -> String {
    format!("(left(registry.first_id_at({time})::text, 14) || '7000-8000-' || lpad(({n})::text, 12, '0'))::uuid")
}

fn lately(days: [i64; 4]) -> Value {
    let change = |current: i64, previous: i64| json!({ "current": current, "previous": previous, "difference": current - previous });
    json!({ "last_7_days": change(days[0], days[1]), "last_30_days": change(days[2], days[3]) })
}

#[tokio::test]
async fn the_figures_are_those_counted_by_hand() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    let others = Member::new(&app, &town().globex.owner, &town().globex);
    let globex_before = without_time(others.get(KPIS).await.expect(200).json());
    counted_by_hand(&db).await;

    let answer = acme.get(KPIS).await.expect(200);
    let kpis = answer.json();
    assert!(kpis["as_of"].as_str().unwrap().ends_with('Z'), "{kpis}");
    assert_eq!(kpis["time_zone"], "UTC");
    let by_status = json!({ "planned": 1, "active": 3, "paused": 1, "completed": 1, "archived": 1 });
    assert_eq!(kpis["projects"], json!({ "total": 7, "by_status": by_status, "created": lately([2, 2, 5, 1]) }));
    assert_eq!(kpis["tasks"], json!({ "open": 4, "done": 6, "completed": lately([4, 0, 4, 2]) }));
    let products = &kpis["products"];
    assert_eq!(products["total"], 6);
    assert_eq!(products["by_status"], json!({ "draft": 1, "active": 4, "archived": 1 }));
    assert_eq!((&products["in_stock"], &products["out_of_stock"]), (&json!(4), &json!(2)));
    assert_eq!((&products["low_stock"], &products["low_stock_threshold"]), (&json!(2), &json!(5)));
    assert_eq!(products["created"], lately([1, 1, 3, 2]));
    // More than 64 bits hold, to the cent; a JSON reader here would round it.
    let values = "\"stock_value\":[{\"amount_minor\":1000000000000000000300,\"currency\":\"EUR\"},{\"amount_minor\":5999,\"currency\":\"USD\"}]";
    assert!(answer.text.contains(values), "{}", answer.text);
    assert_eq!(kpis["members"], json!({ "total": 4, "joined": lately([2, 2, 4, 0]) }));

    // What is low, the tenant says.
    let settings = acme.request(Method::PATCH, "/tenant/settings").header("if-match", "*");
    Answer::of(settings.json(&json!({ "low_stock_threshold": 3 }))).await.expect(200);
    let products = acme.get(KPIS).await.expect(200).json()["products"].clone();
    assert_eq!((&products["low_stock"], &products["low_stock_threshold"]), (&json!(1), &json!(3)));

    // The other tenant's are its own, and stayed what they were.
    let globex = without_time(others.get(KPIS).await.expect(200).json());
    assert_eq!(globex, globex_before);
    assert_eq!(globex["projects"]["total"], 24);
}

#[tokio::test]
async fn unread_notifications_are_the_callers_own_and_a_key_has_none() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (owner, viewer) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.viewer, acme));
    let tell = async |who: Uuid, unread: i32, read: i32| {
        db.run(&format!(
            "delete from tenant.notifications where tenant_id = '{0}' and user_id = '{who}';
             insert into tenant.notifications (tenant_id, user_id, id, kind, title, read_at)
                 select '{0}', '{who}', {id}, 'member.joined', 'x', case when n > {unread} then now() end
                 from generate_series(1, {unread} + {read}) n",
            acme.id,
            id = id_at("now()", "n"),
        ))
        .await;
    };
    let unread =
        async |member: &Member<'_>| member.get(KPIS).await.expect(200).json()["notifications"]["unread"].clone();
    tell(acme.owner.id, 3, 2).await;
    tell(acme.viewer.id, 0, 4).await;
    assert_eq!((unread(&owner).await, unread(&viewer).await), (json!(3), json!(0)));
    tell(acme.viewer.id, 1200, 0).await;
    assert_eq!((unread(&owner).await, unread(&viewer).await), (json!(3), json!(1000)));

    db.run(&format!(
        "update tenant.api_keys set permissions = (select array_agg(name) from registry.permissions where name like '%:read') where id = '{}'",
        acme.api_key
    ))
    .await;
    let key = Answer::of(app.request(Method::GET, "/api/v1/dashboard/kpis").bearer_auth(&acme.key)).await.expect(200);
    assert_eq!(key.json()["notifications"], json!({ "unread": null }));
    assert_eq!(key.json()["projects"]["total"], 24);
}

fn without_time(mut kpis: Value) -> Value {
    kpis["as_of"] = Value::Null;
    kpis
}

#[tokio::test]
async fn stretches_of_days_begin_by_the_tenants_clock() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    // Across a change of clocks seven days are an hour more or less than 168 hours: the boundary is a time of day.
    for zone in ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"] {
        db.run(&format!(
            "update tenant.settings set time_zone = '{zone}' where tenant_id = '{acme}';
             delete from tenant.projects where tenant_id = '{acme}';
             insert into tenant.projects (tenant_id, id, name, created_at)
                 select '{acme}', gen_random_uuid(), days::text || late,
                        (now() at time zone '{zone}' - days * interval '1 day') at time zone '{zone}' + late * interval '5 minutes'
                 from unnest(array[7, 14, 30, 60]) days, unnest(array[-1, 1]) late",
            acme = acme.tenant
        ))
        .await;
        let kpis = acme.get(KPIS).await.expect(200).json();
        assert_eq!(kpis["time_zone"], zone);
        assert_eq!(kpis["projects"]["created"], lately([1, 2, 5, 2]), "{zone}");
    }
}

#[tokio::test]
async fn whoever_may_not_read_what_is_counted_is_told_which() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let viewer = Member::new(&app, &acme.viewer, acme);
    let paths = |metric| [KPIS.to_owned(), format!("/dashboard/analytics?metric={metric}")];
    for (permission, metric) in [
        ("dashboard:read", "tasks_done"),
        ("settings:read", "tasks_done"),
        ("projects:read", "projects_created"),
        ("tasks:read", "tasks_done"),
        ("products:read", "products_created"),
        ("members:read", "members_joined"),
    ] {
        let with = |condition: &str| {
            format!(
                "update tenant.roles set permissions = (select array_agg(name) from registry.permissions where {condition})
                 where tenant_id = '{}' and name = 'viewer'",
                acme.id
            )
        };
        db.run(&with(&format!("name like '%:read' and name <> '{permission}'"))).await;
        for path in paths(metric) {
            viewer.get(&path).await.lacks(permission);
        }
        db.run(&with("name like '%:read'")).await;
        for path in paths(metric) {
            viewer.get(&path).await.expect(200);
        }
    }
    viewer.get("/dashboard/recent-projects").await.expect(200);

    // A key holds what it was given, and nothing of whoever made it.
    let key =
        async |path: &str| Answer::of(app.request(Method::GET, &format!("/api/v1{path}")).bearer_auth(&acme.key)).await;
    for path in [KPIS, "/dashboard/analytics?metric=projects_created", "/dashboard/recent-projects"] {
        key(path).await.lacks("dashboard:read");
    }
    db.run(&format!(
        "update tenant.api_keys set permissions = '{{dashboard:read,projects:read,settings:read}}' where id = '{}'",
        acme.api_key
    ))
    .await;
    key("/dashboard/analytics?metric=projects_created").await.expect(200);
    key("/dashboard/recent-projects").await.expect(200);
    let refused = key(KPIS).await.problem(403, "permission_denied");
    assert!(
        ["tasks:read", "products:read", "members:read"]
            .iter()
            .any(|name| refused["detail"].as_str().unwrap().contains(name))
    );
}

/// Projects made at these moments, and nothing else.
async fn made_at(db: &TestDb, zone: &str, moments: &[&str]) {
    let acme = town().acme.id;
    let moments = moments.join("', '");
    db.run(&format!(
        "update tenant.settings set time_zone = '{zone}' where tenant_id = '{acme}';
         delete from tenant.projects where tenant_id = '{acme}';
         delete from tenant.products where tenant_id = '{acme}';
         insert into tenant.projects (tenant_id, id, name, created_at)
             select '{acme}', gen_random_uuid(), n::text, at from unnest(array['{moments}']::timestamptz[]) with ordinality x (at, n);
         insert into tenant.project_tasks (tenant_id, id, project_id, name, status)
             select '{acme}', gen_random_uuid(), id, 'task', 'done' from tenant.projects where tenant_id = '{acme}';
         update tenant.project_tasks t set done_at = p.created_at from tenant.projects p where p.id = t.project_id and p.tenant_id = '{acme}';
         insert into tenant.products (tenant_id, id, name, sku, price_minor, currency)
             select '{acme}', {id}, n::text, n::text, 1, 'EUR' from unnest(array['{moments}']::timestamptz[]) with ordinality x (at, n);
         update tenant.memberships m set created_at = x.at
         from (select user_id, row_number() over (order by user_id) as n from tenant.memberships where tenant_id = '{acme}') u
         join unnest(array['{moments}']::timestamptz[]) with ordinality x (at, n) on x.n = u.n
         where m.tenant_id = '{acme}' and m.user_id = u.user_id",
        id = id_at("at", "n"),
    ))
    .await;
}

/// `start: value` of each bucket.
fn series(analytics: &Value) -> Vec<(String, i64)> {
    let buckets = analytics["buckets"].as_array().unwrap();
    buckets
        .iter()
        .map(|bucket| (bucket["start"].as_str().unwrap().to_owned(), bucket["value"].as_i64().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_day_is_as_long_as_clocks_make_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    for (zone, before, first, last, after, day) in [
        // 23 hours and 25.
        (
            "Europe/Berlin",
            "2025-03-29T22:59:59.999Z",
            "2025-03-29T23:00:00Z",
            "2025-03-30T21:59:59.999Z",
            "2025-03-30T22:00:00Z",
            "2025-03-30",
        ),
        (
            "Europe/Berlin",
            "2025-10-25T21:59:59.999Z",
            "2025-10-25T22:00:00Z",
            "2025-10-26T22:59:59.999Z",
            "2025-10-26T23:00:00Z",
            "2025-10-26",
        ),
        // Midnight never came, and the clock went back over it to the day before.
        (
            "America/Sao_Paulo",
            "2018-11-04T02:59:59.999Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T01:59:59.999Z",
            "2018-11-05T02:00:00Z",
            "2018-11-04",
        ),
        (
            "America/Sao_Paulo",
            "2018-02-17T01:59:59.999Z",
            "2018-02-17T02:00:00Z",
            "2018-02-18T02:59:59.999Z",
            "2018-02-18T03:00:00Z",
            "2018-02-17",
        ),
        // Midnight came twice, and the day began with the first.
        (
            "Atlantic/Azores",
            "2025-10-25T23:59:59.999Z",
            "2025-10-26T00:00:00Z",
            "2025-10-27T00:59:59.999Z",
            "2025-10-27T01:00:00Z",
            "2025-10-26",
        ),
        (
            "America/Havana",
            "2025-11-02T03:59:59.999Z",
            "2025-11-02T04:00:00Z",
            "2025-11-03T04:59:59.999Z",
            "2025-11-03T05:00:00Z",
            "2025-11-02",
        ),
        // Half an hour, and a quarter of one off.
        (
            "Australia/Lord_Howe",
            "2025-04-05T12:59:59.999Z",
            "2025-04-05T13:00:00Z",
            "2025-04-06T13:29:59.999Z",
            "2025-04-06T13:30:00Z",
            "2025-04-06",
        ),
        (
            "Asia/Kathmandu",
            "2025-04-05T18:14:59.999Z",
            "2025-04-05T18:15:00Z",
            "2025-04-06T18:14:59.999Z",
            "2025-04-06T18:15:00Z",
            "2025-04-06",
        ),
    ] {
        made_at(&db, zone, &[before, first, last, after]).await;
        let day: jiff::civil::Date = day.parse().unwrap();
        let (yesterday, tomorrow) = (day.yesterday().unwrap(), day.tomorrow().unwrap());
        for metric in ["projects_created", "tasks_done", "products_created", "members_joined"] {
            let path = format!("/dashboard/analytics?metric={metric}&from={yesterday}&to={tomorrow}");
            let analytics = acme.get(&path).await.expect(200).json();
            let expected = [(yesterday.to_string(), 1), (day.to_string(), 2), (tomorrow.to_string(), 1)];
            assert_eq!(series(&analytics), expected, "{metric} in {zone}");
            assert_eq!((&analytics["total"], &analytics["time_zone"]), (&json!(4), &json!(zone)));
        }
    }
    // Samoa went without a day.
    made_at(&db, "Pacific/Apia", &["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"]).await;
    let path = "/dashboard/analytics?metric=projects_created&from=2011-12-29&to=2011-12-31";
    let expected = [("2011-12-29".to_owned(), 1), ("2011-12-30".to_owned(), 0), ("2011-12-31".to_owned(), 1)];
    assert_eq!(series(&acme.get(path).await.expect(200).json()), expected);
}

#[tokio::test]
async fn weeks_and_months_hold_what_lies_between_the_two_days_without_gaps() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    made_at(
        &db,
        "Europe/Berlin",
        &[
            "2025-01-14T22:00:00Z",
            "2025-01-14T23:00:00Z",
            "2025-01-31T22:59:00Z",
            "2025-01-31T23:00:00Z",
            "2025-03-02T22:59:00Z",
            "2025-03-02T23:00:00Z",
        ],
    )
    .await;
    let get = async |interval: &str| {
        let path =
            format!("/dashboard/analytics?metric=projects_created&from=2025-01-15&to=2025-03-02&interval={interval}");
        acme.get(&path).await.expect(200).json()
    };
    let month = get("month").await;
    let expected = [("2025-01-01", 2), ("2025-02-01", 1), ("2025-03-01", 1)];
    assert_eq!(series(&month), expected.map(|(start, value)| (start.to_owned(), value)));
    assert_eq!(
        (&month["from"], &month["to"], &month["interval"]),
        (&json!("2025-01-15"), &json!("2025-03-02"), &json!("month"))
    );
    let week = series(&get("week").await);
    let starts: Vec<&str> = week.iter().map(|(start, _)| start.as_str()).collect();
    assert_eq!(
        starts,
        ["2025-01-13", "2025-01-20", "2025-01-27", "2025-02-03", "2025-02-10", "2025-02-17", "2025-02-24"]
    );
    assert_eq!(week.iter().map(|(_, value)| value).collect::<Vec<_>>(), [&1, &0, &2, &0, &0, &0, &1]);
    // Where weeks begin with Sunday, the one before the first day is the first.
    let sunday = acme
        .request(Method::PATCH, "/tenant/settings")
        .header("if-match", "*")
        .json(&json!({ "week_starts": "sunday" }));
    Answer::of(sunday).await.expect(200);
    let week = series(&get("week").await);
    let starts: Vec<&str> = week.iter().map(|(start, _)| start.as_str()).collect();
    assert_eq!(
        starts,
        [
            "2025-01-12",
            "2025-01-19",
            "2025-01-26",
            "2025-02-02",
            "2025-02-09",
            "2025-02-16",
            "2025-02-23",
            "2025-03-02"
        ]
    );
    assert_eq!(week.iter().map(|(_, value)| value).collect::<Vec<_>>(), [&1, &0, &2, &0, &0, &0, &0, &1]);
}

#[tokio::test]
async fn unless_said_a_series_is_the_last_thirty_days_by_the_tenants_calendar() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    // One of the two has another day than UTC, whatever time it is.
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        db.run(&format!("update tenant.settings set time_zone = '{zone}' where tenant_id = '{}'", acme.tenant)).await;
        let today =
            async || db.value::<jiff::civil::Date>(&format!("select (now() at time zone '{zone}')::date")).await;
        let before = today().await;
        let analytics = acme.get("/dashboard/analytics?metric=projects_created").await.expect(200).json();
        let days = series(&analytics);
        assert_eq!(days.len(), 30);
        let last: jiff::civil::Date = days[29].0.parse().unwrap();
        assert!(last == before || last == today().await, "{last} in {zone}");
        assert_eq!((&analytics["from"], &analytics["to"]), (&json!(days[0].0), &json!(days[29].0)));
        assert_eq!(analytics["total"], 24);
        // One of the two days settles the other.
        let from = days[20].0.as_str();
        let some =
            acme.get(&format!("/dashboard/analytics?metric=projects_created&from={from}")).await.expect(200).json();
        assert_eq!((series(&some).len(), &some["to"]), (10, &json!(days[29].0)));
        let some = acme.get("/dashboard/analytics?metric=projects_created&to=2024-02-29").await.expect(200).json();
        assert_eq!(&some["from"], "2024-01-31");
        let ahead = acme.get("/dashboard/analytics?metric=projects_created&from=9999-12-31").await.expect(200).json();
        assert_eq!(series(&ahead), [("9999-12-31".to_owned(), 0)]);
    }
}

#[tokio::test]
async fn a_task_counts_from_when_it_is_done_for_as_long_as_it_is() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    let project = town().acme.projects[0].id;
    let done =
        async || acme.get("/dashboard/analytics?metric=tasks_done").await.expect(200).json()["total"].as_i64().unwrap();
    let before = done().await;
    let task = acme.post(&format!("/projects/{project}/tasks"), json!({ "name": "Do it" })).await.expect(201).json();
    let path = format!("/projects/{project}/tasks/{}", task["id"].as_str().unwrap());
    let done_at = format!("select done_at from tenant.project_tasks where id = '{}'", task["id"].as_str().unwrap());
    assert_eq!(done().await, before);
    acme.patch(&path, "*", json!({ "status": "done" })).await.expect(200);
    assert_eq!(done().await, before + 1);
    let at: Option<jiff::Timestamp> = db.value(&done_at).await;
    // It was done then, whatever else becomes of it.
    acme.patch(&path, "*", json!({ "name": "Done", "status": "done" })).await.expect(200);
    assert_eq!(db.value::<Option<jiff::Timestamp>>(&done_at).await, at);
    acme.patch(&path, "*", json!({ "status": "in_progress" })).await.expect(200);
    assert_eq!((done().await, db.value::<Option<jiff::Timestamp>>(&done_at).await), (before, None));
    acme.post(&format!("/projects/{project}/tasks"), json!({ "name": "Done before", "status": "done" }))
        .await
        .expect(201);
    assert_eq!(done().await, before + 1);
}

#[tokio::test]
async fn whatever_makes_no_sense_is_refused_at_once_and_by_name() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    let wrong = async |query: &str| {
        let problem = acme.get(&format!("/dashboard/analytics?{query}")).await.problem(400, "bad_request");
        let errors = problem["errors"].as_array().unwrap().iter();
        errors
            .map(|error| format!("{} {}", error["parameter"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let all = wrong("metric=profit&from=yesterday&to=2026-02-30&interval=hour").await;
    assert_eq!(all, ["metric not_allowed", "interval not_allowed", "from invalid", "to invalid"]);
    assert_eq!(wrong("").await, ["metric required"]);
    assert_eq!(wrong("from=2026-02-02&to=2026-02-01").await, ["metric required", "to out_of_range"]);
    assert_eq!(wrong("metric=tasks_done&from=1969-12-31").await, ["from out_of_range"]);
    assert_eq!(wrong("metric=tasks_done&to=-000001-12-31").await, ["to out_of_range"]);
    for day in
        ["20260101", "2026-1-1", "2026-01-01T00:00", "2026-W01-1", "+2026-01-01", "", "10000-01-01", "2026-01-01%20"]
    {
        assert_eq!(wrong(&format!("metric=tasks_done&from={day}")).await, ["from invalid"], "{day}");
    }
    assert_eq!(wrong("metric=tasks_done&metric=tasks_done").await, ["metric duplicate_parameter"]);
    assert_eq!(wrong("metric=tasks_done&since=1").await, ["since unknown_parameter"]);
    // Four hundred buckets and not one more.
    acme.get("/dashboard/analytics?metric=tasks_done&from=2024-01-01&to=2025-02-03").await.expect(200);
    for query in [
        "from=2024-01-01&to=2025-02-04",
        "from=1970-01-01",
        "from=1970-01-01&to=9999-12-31&interval=month",
        "to=9999-12-31&from=1970-01-01",
    ] {
        let problem =
            acme.get(&format!("/dashboard/analytics?metric=tasks_done&{query}")).await.problem(400, "bad_request");
        assert!(problem["detail"].as_str().unwrap().contains("400"), "{problem}");
    }
    let weeks = acme
        .get("/dashboard/analytics?metric=tasks_done&from=1970-01-05&to=1977-09-04&interval=week")
        .await
        .expect(200);
    assert_eq!(series(&weeks.json()).len(), 400);
}

#[tokio::test]
async fn a_series_is_json_or_a_file_as_the_caller_accepts() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    made_at(&db, "UTC", &["2025-05-01T00:00:00Z", "2025-05-03T12:00:00Z", "2025-05-03T13:00:00Z"]).await;
    let path = "/dashboard/analytics?metric=projects_created&from=2025-05-01&to=2025-05-03";
    let get = async |accept: &'static str| Answer::of(acme.request(Method::GET, path).header(ACCEPT, accept)).await;

    let csv = get("text/csv").await.expect(200);
    assert_eq!(csv.text, "start,value\r\n2025-05-01,1\r\n2025-05-02,0\r\n2025-05-03,2\r\n");
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let name = "attachment; filename=\"projects_created-day-2025-05-01-to-2025-05-03.csv\"";
    assert_eq!(csv.header("content-disposition"), name);
    assert_eq!(csv.header("row-count"), "3");
    let digest: String = db
        .value(&format!(
            "select encode(decode('{}', 'hex'), 'base64')",
            crate::support::hex(&sha256(csv.text.as_bytes()))
        ))
        .await;
    assert_eq!(csv.header("repr-digest"), format!("sha-256=:{digest}:"));
    let lines = get("application/x-ndjson").await.expect(200);
    let expected = "{\"start\":\"2025-05-01\",\"value\":1}\n{\"start\":\"2025-05-02\",\"value\":0}\n{\"start\":\"2025-05-03\",\"value\":2}\n";
    assert_eq!((lines.header("content-type"), lines.text.as_str()), ("application/x-ndjson", expected));

    for (accept, kind) in [
        ("*/*", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv; charset=utf-8; header=present"),
        ("text/csv;q=0.1, application/*;q=0.2", "application/json"),
        ("text/html, application/x-ndjson;q=0.1, */*;q=0", "application/x-ndjson"),
    ] {
        let answer = get(accept).await.expect(200);
        assert_eq!(answer.header("content-type"), kind, "{accept}");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.len() == 2 && vary[0] == "Accept" && vary[1].starts_with("Authorization"), "{vary:?}");
    }
    assert_eq!(acme.get(path).await.expect(200).header("content-type"), "application/json");
    // Whoever cannot choose an Accept names the kind in the query.
    for (format, kind) in [("csv", csv.header("content-type")), ("ndjson", "application/x-ndjson")] {
        for accept in ["application/json", "*/*"] {
            let asked = acme.request(Method::GET, &format!("{path}&format={format}")).header(ACCEPT, accept);
            assert_eq!(Answer::of(asked).await.expect(200).header("content-type"), kind, "{format}");
        }
    }
    let problem = acme.get(&format!("{path}&format=xlsx")).await.problem(400, "bad_request");
    assert_eq!(problem["errors"][0]["parameter"], "format");
    for accept in ["text/html", "application/json;q=0", "image/*, text/plain"] {
        let problem = get(accept).await.problem(406, "not_acceptable");
        assert!(problem["detail"].as_str().unwrap().contains("text/csv"), "{problem}");
    }
}

#[tokio::test]
async fn the_project_that_changed_last_comes_first() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = Member::new(&app, &town().acme.owner, &town().acme);
    let ids = |page: &Value| -> Vec<Uuid> {
        page["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let oldest = town().acme.projects.last().unwrap().id;
    acme.patch(&format!("/projects/{oldest}"), "*", json!({ "status": "completed" })).await.expect(200);
    let first = acme.get("/dashboard/recent-projects?limit=5").await.expect(200).json();
    assert_eq!(ids(&first)[0], oldest);
    assert_eq!(first["items"][0]["status"], "completed");
    // Pages add up, many with the same time among them.
    let mut seen = ids(&first);
    let mut page = first;
    while let Some(cursor) = page["next_cursor"].as_str() {
        page = acme.get(&format!("/dashboard/recent-projects?limit=5&cursor={cursor}")).await.expect(200).json();
        seen.extend(ids(&page));
    }
    let mut all: Vec<Uuid> = town().acme.projects.iter().map(|row| row.id).collect();
    assert_eq!(seen.len(), all.len());
    seen.sort_unstable();
    all.sort_unstable();
    assert_eq!(seen, all);
    for query in ["limit=0", "limit=201", "cursor=x", "status=active"] {
        let refused = acme.get(&format!("/dashboard/recent-projects?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
    }
}
