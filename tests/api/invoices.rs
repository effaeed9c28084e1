//! `/tenant/invoices`, as the tenant sees them.
use serde_json::{Value, json};

use crate::support::{Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    a_tenant_sees_its_invoices_with_lines_and_payments;
}

async fn a_tenant_sees_its_invoices_with_lines_and_payments(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let list = owner.get("/tenant/invoices").await.expect(200).json();
    let [invoice] = list["items"].as_array().unwrap().as_slice() else { panic!("one of the fixture: {list}") };
    let said = |key: &str| invoice[key].clone();
    assert_eq!((said("status"), said("kind"), said("reason")), (json!("open"), json!("invoice"), json!("manual")));
    assert_eq!(
        ["subtotal_minor", "tax_minor", "total_minor", "settled_minor", "credited_minor"].map(said),
        [10_000, 1_900, 11_900, 5_000, 0].map(Value::from)
    );
    assert!(invoice["number"].as_str().unwrap().starts_with("INV-00000"), "{invoice}");

    let path = format!("/tenant/invoices/{}", invoice["id"].as_str().unwrap());
    let whole = owner.get(&path).await.expect(200).json();
    assert_eq!(whole["number"], invoice["number"]);
    assert_eq!((&whole["customer_name"], &whole["seller_name"]), (&json!("acme"), &json!("Rowhouse")));
    assert_eq!(whole["lines"].as_array().unwrap().len(), 2);
    assert_eq!(
        whole["lines"][1],
        json!({ "kind": "tax", "description": "Tax 19 %", "quantity": 1, "unit_minor": 10_000, "tax_rate_bp": 1900, "amount_minor": 1900 })
    );
    let payment = &whole["payments"][0];
    assert_eq!((&payment["provider"], &payment["reference"]), (&json!("manual"), &json!("transfer of acme")));

    // Neither a member without the permission, nor whoever is another tenant's.
    Member::new(&app, &acme.member, acme).get(&path).await.lacks("billing:read");
    let globex = &town().globex;
    let other = Member::new(&app, &globex.owner, globex);
    for path in [path.clone(), format!("{path}/print")] {
        other.get(&path).await.problem(404, "not_found");
    }
    let events = owner.get("/events?type=invoice.updated").await.expect(200).json();
    let changed = &events["items"][0]["data"];
    assert_eq!((&changed["id"], &changed["changed"]), (&invoice["id"], &json!(["number", "status"])));
}

#[tokio::test]
async fn an_invoice_is_a_page_that_runs_nothing_and_shows_what_was_written_as_text() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let superuser = db.superuser().await;
    let wicked = "<script>alert(\"1\")</script>&'";
    superuser
        .execute("update registry.sellers set name = $1, address = $1, tax_number = $1", &[&wicked])
        .await
        .unwrap();
    superuser.execute("update registry.tenants set name = $1 where id = $2", &[&wicked, &acme.id]).await.unwrap();
    let lines = json!([{ "description": wicked, "amount_minor": 1_234_567, "quantity": 1 }]);
    let draft = "select registry.draft_invoice($1, null, 'manual', 'JPY', now(), now(), $2, 'invoice', null, $3)::text";
    let draft: String = superuser.query_one(draft, &[&acme.id, &lines, &wicked]).await.unwrap().get(0);
    let path = format!("/tenant/invoices/{draft}/print");
    assert!(owner.get(&path).await.expect(200).text.contains("Invoice draft"));
    let issue = "select registry.finalize_invoice($1, $2::text::uuid, now(), 'me')";
    superuser.execute(issue, &[&acme.id, &draft]).await.unwrap();

    let page = owner.get(&path).await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("sandbox"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let shown = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;";
    assert_eq!(page.text.matches(shown).count(), 6, "seller's three, customer, line, note: {}", page.text);
    for never in ["<script", "onload", "href=", "src=", "<img", "http:"] {
        assert!(!page.text.contains(never), "{never}: {}", page.text);
    }
    for there in ["1234567 JPY", "Invoice INV-0000", "@media print", "@page"] {
        assert!(page.text.contains(there), "{there}: {}", page.text);
    }
}
