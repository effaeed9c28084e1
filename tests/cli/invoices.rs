//! `rowhouse invoice`: an invoice from draft to refund, as an operator has it.
use serde_json::Value;

use super::{rowhouse, run};
use crate::support::TestDb;

/// What a command said as JSON, or its complaint.
fn invoice(db: &TestDb, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let all = [&["invoice", "--json", "--by", "Olga Ops"], arguments].concat();
    let (code, said, complaint) = run(rowhouse().args(&all).env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator")));
    match code {
        Some(0) => Ok(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        _ => Err(said + &complaint),
    }
}

#[tokio::test]
async fn an_invoice_goes_from_draft_to_refund_in_a_terminal() {
    let db = TestDb::new().await;
    let seller =
        ["seller", "--name", "House & Co", "--address", "1 Row\nTown", "--tax-rate", "1900", "--days-to-pay", "30"];
    assert_eq!(invoice(&db, &seller).unwrap()[0]["tax_rate_bp"], 1900);
    let lines = ["--line", "Set-up = first day=50000", "--line", "Training=3*10000"];
    let draft = invoice(&db, &[&["draft", "acme", "--currency", "EUR"][..], &lines].concat()).unwrap();
    let id = draft[0]["id"].as_str().unwrap();
    assert_eq!((&draft[0]["status"], &draft[0]["number"]), (&"draft".into(), &Value::Null));
    assert_eq!(draft[0]["total_minor"], 95_200);
    let issued = invoice(&db, &["issue", id]).unwrap();
    let number = issued[0]["number"].as_str().unwrap();
    assert_eq!((&issued[0]["status"], number.starts_with("INV-")), (&"open".into(), true));
    let again = invoice(&db, &["issue", id]).unwrap_err();
    assert!(again.contains("invoice_not_payable") && again.contains("open"), "{again}");

    let pay = |amount: &str| invoice(&db, &["pay", number, amount, "--reference", "TX 1"]);
    assert!(pay("95201").unwrap_err().contains("95200 95201 EUR"));
    assert_eq!(pay("95200").unwrap()[0]["status"], "paid");
    assert_eq!(pay("95200").unwrap()[0]["settled_minor"], 95_200);
    let refund = ["refund", number, "5200", "--reference", "TX 1", "--note", "a day less"];
    assert_eq!(invoice(&db, &refund).unwrap()[0]["credited_minor"], 5_200);
    let listed = invoice(&db, &["list", "--tenant", "acme", "--limit", "2"]).unwrap();
    assert_eq!((&listed[0]["kind"], &listed[0]["total_minor"]), (&"credit_note".into(), &5_200.into()));
    let made = "select string_agg(distinct made_by, ', ') from tenant.journal_entries e join tenant.payments p on p.id = e.payment_id where p.reference = 'TX 1'";
    assert_eq!(db.value::<String>(made).await, "Olga Ops");

    for (wrong, why) in [
        (&["draft", "nobody", "--currency", "EUR", "--line", "A=1"][..], "there is no tenant nobody"),
        (&["draft", "acme", "--currency", "XXX", "--line", "A=1"], "is not the code of a currency"),
        (&["draft", "acme", "--currency", "EUR", "--line", "A"], "is not such as"),
        (&["void", number], "the invoice is paid"),
        (&["write-off", "INV-999999"], "there is no invoice INV-999999"),
        (&["credit", number, "90001"], "90000 90001 EUR"),
        (&["refund", number, "1", "--reference", "TX 2"], "there is no payment TX 2"),
    ] {
        let said = invoice(&db, wrong).unwrap_err();
        assert!(said.contains(why), "{wrong:?}: {said}");
    }
    assert_eq!(invoice(&db, &["check"]).unwrap(), Vec::<Value>::new());
    // One who is past every door is noticed.
    let superuser = db.superuser().await;
    superuser
        .batch_execute("update tenant.balances set credit_minor = credit_minor + 1 where currency = 'EUR'")
        .await
        .unwrap();
    assert!(invoice(&db, &["check"]).unwrap_err().contains("balance is not the sum of its postings"));
}
