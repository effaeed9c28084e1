//! Invoices, their numbers, and the ledger: that it balances, whatever happens in whatever order, and that nobody who serves writes it.
mod books;
mod model;
mod numbers;
mod subscriptions;

use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{TestDb, town};

/// What operators' commands, the clock and providers do, with no more rights than the owner of those functions has.
struct Books {
    db: TestDb,
    operator: Client,
}

async fn bookkeeper(db: &TestDb) -> Client {
    let client = db.client("rowhouse_migrator").await;
    client.batch_execute("set role rowhouse_billing").await.unwrap();
    client
}

impl Books {
    async fn open() -> Self {
        let db = TestDb::new().await;
        let operator = bookkeeper(&db).await;
        Self { db, operator }
    }

    /// Issues an invoice of acme's over an amount without tax, at a rate of tax.
    async fn invoice(&self, amount: i64, rate: i32) -> Uuid {
        let lines = format!(r#"[{{"description":"Work","amount_minor":{amount},"tax_rate_bp":{rate}}}]"#);
        let issue = format!(
            "select registry.issue_invoice('{}', null, 'manual', 'EUR', null, null, '{lines}', now())",
            town().acme.id
        );
        self.operator.query_one(&issue, &[]).await.unwrap().get(0)
    }

    /// Calls a function; the SQLSTATE where it refuses.
    async fn call(&self, call: &str) -> Result<(), String> {
        match self.operator.batch_execute(&format!("select registry.{call}")).await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.code().unwrap_or_else(|| panic!("{call}: {error:?}")).code().to_owned()),
        }
    }

    /// Calls a function that does what it is asked.
    async fn run(&self, call: &str) {
        let done = self.call(call).await;
        assert_eq!(done, Ok(()), "{call}");
    }

    async fn number(&self, query: &str) -> i64 {
        self.db.value::<i64>(query).await
    }

    /// Status, and what of an invoice is settled and credited.
    async fn state(&self, invoice: Uuid) -> (String, i64, i64) {
        let row = self
            .operator
            .query_one("select status, settled_minor, credited_minor from tenant.invoices where id = $1", &[&invoice])
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    /// What an account of acme's holds, debit above zero.
    async fn account(&self, account: &str) -> i64 {
        let acme = town().acme.id;
        let sum = format!(
            "select coalesce(sum(amount_minor), 0)::bigint from tenant.postings where tenant_id = '{acme}' and account = '{account}'"
        );
        self.number(&sum).await
    }

    /// Nothing is wrong with the books, as `rowhouse invoice check` says it.
    async fn balance(&self) {
        let wrong = self.operator.query(rowhouse::sql!("operate/check_ledger").text(), &[]).await.unwrap();
        let wrong: Vec<(String, String)> = wrong.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(wrong, []);
    }
}
