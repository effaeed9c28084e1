//! `/jobs`: what those who look after them see and may do. What all endpoints have in common is tried elsewhere.
use reqwest::Method;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{Answer, TestApp, TestDb, town};

async fn job(superuser: &Client, state: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = "insert into tenant.jobs (tenant_id, id, kind, payload, state, lease, lease_until, finished_at, attempts, error_code, unique_key)
        values ($1, $2, 'jobs.forget', '{\"secret\": 1}', $3, case when $3 = 'running' then gen_random_uuid() end,
                case when $3 = 'running' then now() + interval '1 minute' end, case when $3 not in ('waiting', 'running') then now() end, 2,
                case when $3 = 'dead' then 'worker_lost' end, case when $3 = 'dead' then 'one' end)";
    superuser.execute(insert, &[&town().acme.id, &id, &state]).await.unwrap();
    id
}

#[tokio::test]
async fn each_action_does_what_its_state_allows_and_says_why_it_does_not() {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::new(&db).await, db.superuser().await);
    let acme = &town().acme;
    let act = async |id: Uuid, verb: &str| {
        let request = app.as_user(Method::POST, &format!("/api/v1/jobs/{id}/{verb}"), acme.owner.id, acme.id);
        Answer::of(request.header("idempotency-key", Uuid::now_v7().to_string())).await
    };
    let cases = [
        (
            "retry",
            [
                ("waiting", "waiting"),
                ("dead", "waiting"),
                ("cancelled", "waiting"),
                ("discarded", "waiting"),
                ("running", ""),
                ("succeeded", ""),
            ],
        ),
        (
            "discard",
            [
                ("waiting", "discarded"),
                ("dead", "discarded"),
                ("cancelled", ""),
                ("discarded", ""),
                ("running", ""),
                ("succeeded", ""),
            ],
        ),
        (
            "cancel",
            [
                ("waiting", "cancelled"),
                ("running", "running"),
                ("dead", ""),
                ("cancelled", ""),
                ("discarded", ""),
                ("succeeded", ""),
            ],
        ),
    ];
    for (verb, states) in cases {
        for (state, then) in states {
            superuser.batch_execute("delete from tenant.jobs where unique_key is not null").await.unwrap();
            let id = job(&superuser, state).await;
            let answer = act(id, verb).await;
            if then.is_empty() {
                answer.problem(409, "job_state");
                continue;
            }
            let job = answer.expect(200).json();
            assert_eq!(job["state"], then, "{verb} of {state}");
            assert_eq!(job["cancelling"], verb == "cancel" && state == "running");
            assert!(job.get("payload").is_none(), "what it is about is not shown");
            if verb == "retry" && state == "dead" {
                assert_eq!((&job["attempts"], &job["error_code"]), (&json!(0), &json!(null)));
            }
        }
        act(Uuid::now_v7(), verb).await.problem(404, "not_found");
    }
    // What is unique is so when it is brought back as well.
    let (dead, other) = (job(&superuser, "dead").await, job(&superuser, "dead").await);
    act(dead, "retry").await.expect(200);
    let taken = act(other, "retry").await;
    assert_eq!(taken.status, 409, "{taken:?}");
    // Whoever is retried wakes: the head is due.
    let due = "select ready_at <= now() from tenant.job_heads where tenant_id = $1";
    assert!(superuser.query_one(due, &[&acme.id]).await.unwrap().get::<_, bool>(0));
    let listed = app.get("/api/v1/jobs?state=running", acme.owner.id, acme.id).await.expect(200).json();
    assert!(
        listed["data"].as_array().or(listed["items"].as_array()).unwrap().iter().all(|job| job["state"] == "running")
    );
    app.get("/api/v1/jobs?state=lost", acme.owner.id, acme.id).await.problem(400, "bad_request");
    app.get("/api/v1/jobs", acme.member.id, acme.id).await.problem(403, "permission_denied");
}
