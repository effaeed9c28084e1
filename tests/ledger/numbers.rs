//! Numbers of invoices: each once and none left out, with many who issue at once, transactions that end badly and connections that are killed.
use futures_util::future::join_all;

use super::{Books, bookkeeper};
use crate::support::town;

const WRITERS: usize = 32;
const EACH: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_with_many_writers_and_killed_transactions() {
    let books = Books::open().await;
    let before = books.number("select next from registry.number_series where kind = 'invoice'").await;
    let tenants = [town().acme.id, town().globex.id];
    let issued = join_all((0..WRITERS).map(|writer| {
        let (db, tenant) = (&books.db, tenants[writer % 2]);
        async move {
            let mut issued = 0;
            let mut client = bookkeeper(db).await;
            for turn in 0..EACH {
                let issue = format!(
                    "begin; select registry.issue_invoice('{tenant}', null, 'manual', 'EUR', null, null,
                         '[{{\"amount_minor\":{}}}]', now())",
                    100 + writer
                );
                // One in four takes it back, one in four is killed before it can commit; the others commit.
                match (writer + turn) % 4 {
                    0 => client.batch_execute(&format!("{issue}; rollback")).await.unwrap(),
                    1 => {
                        let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
                        client.batch_execute(&issue).await.unwrap();
                        db.outside(&format!("select pg_terminate_backend({pid})")).await;
                        client = bookkeeper(db).await;
                    }
                    _ => {
                        client.batch_execute(&format!("{issue}; commit")).await.unwrap();
                        issued += 1;
                    }
                }
            }
            issued
        }
    }))
    .await;
    let issued: i64 = issued.iter().sum();
    assert_eq!(issued, i64::try_from(WRITERS * EACH / 2).unwrap());
    let numbers = "select count(*) from registry.document_numbers where kind = 'invoice'";
    assert_eq!(books.number(numbers).await, before - 1 + issued);
    assert_eq!(books.number("select next from registry.number_series where kind = 'invoice'").await, before + issued);
    books.balance().await;
}
