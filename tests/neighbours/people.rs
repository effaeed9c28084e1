//! Members and roles, changed by many at once.
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Member, TestApp, TestDb, town};

#[tokio::test]
async fn roles_and_members_changed_at_once_wait_for_each_other_in_one_order() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let roles = [owner.make_role("One", &["projects:read"]).await, owner.make_role("Two", &["tasks:read"]).await];
    for (person, role) in [&acme.member, &acme.viewer, &acme.both].into_iter().zip([&roles[0], &roles[1], &roles[0]]) {
        owner.give(person, role).await.expect(200);
    }
    for round in 0..4 {
        let permissions =
            if round % 2 == 0 { ["projects:read", "products:read"] } else { ["tasks:read", "members:read"] };
        let changed: Vec<Answer> = join_all((0..24).map(|n| {
            let (roles, owner) = (&roles, &owner);
            async move {
                if n % 2 == 0 {
                    owner
                        .patch(
                            &format!("/tenant/roles/{}", roles[n / 2 % 2]),
                            "*",
                            json!({ "permissions": permissions }),
                        )
                        .await
                } else {
                    let person = [&acme.member, &acme.viewer, &acme.both][n / 2 % 3];
                    owner.give(person, &roles[(n / 2 + round) % 2]).await
                }
            }
        }))
        .await;
        let refused: Vec<&Answer> = changed.iter().filter(|answer| answer.status != 200).collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }
    let deadlocks: i64 = db.value("select deadlocks from pg_stat_database where datname = current_database()").await;
    assert_eq!(deadlocks, 0, "none had to be ended by PostgreSQL");
}

#[tokio::test]
async fn one_statement_that_lost_a_race_is_sent_once_more_and_nobody_notices() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    // Loses the first time it is asked for, whatever the transaction is that asks.
    db.run(
        "create sequence public.tries; grant usage on schema public to rowhouse_api; grant usage on sequence public.tries to rowhouse_api;
         create function public.lose() returns trigger language plpgsql as $$
         begin
             if nextval('public.tries') = 1 then raise exception using errcode = '40P01', message = 'deadlock detected'; end if;
             return new;
         end $$;
         grant execute on function public.lose() to rowhouse_api;
         create trigger lose before update on tenant.projects for each row execute function public.lose()",
    )
    .await;
    let path = format!("/projects/{}", acme.projects[0].id);
    owner.patch(&path, "*", json!({ "description": "twice" })).await.expect(200);
    assert_eq!(db.value::<i64>("select last_value from public.tries").await, 2);
    // One that loses again and again is given up.
    db.run("create or replace function public.lose() returns trigger language plpgsql as $$
            begin perform nextval('public.tries'); raise exception using errcode = '40P01', message = 'deadlock detected'; end $$").await;
    owner.patch(&path, "*", json!({ "description": "for ever" })).await.problem(503, "database_timeout");
    assert_eq!(db.value::<i64>("select last_value from public.tries").await, 4);
}

#[tokio::test]
async fn what_one_tenant_invites_neither_blocks_nor_tells_another() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (one, other) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &globex.owner, globex));
    let invite = async |by: &Member<'_>| {
        let role = by.role("viewer").await;
        let email = "wanted@elsewhere.example";
        let body = json!({ "email": email, "role_id": role });
        let answer = by.post("/tenant/invitations", body).await;
        // Another one to the same address takes the place of the first, which is withdrawn.
        db.run(&format!("delete from tenant.invitations where email = '{email}' and tenant_id = '{}'", by.tenant))
            .await;
        answer
    };
    let mut refused = None;
    for _ in 0..200 {
        let answer = invite(&one).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    refused.expect("one tenant writes to one address so often and no more").problem(429, "too_many_attempts");
    invite(&other).await.expect(201);
}
