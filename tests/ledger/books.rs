//! What each operation books, what it refuses, and that what is booked stays.
use super::Books;
use crate::support::{TestDb, town};

#[tokio::test]
async fn tax_is_a_line_a_rate_rounded_half_away_from_zero() {
    let books = Books::open().await;
    let acme = town().acme.id;
    let lines = r#"[{"description":"A","amount_minor":150,"tax_rate_bp":1900,"quantity":3},{"description":"B","amount_minor":100,"tax_rate_bp":1900},
                    {"description":"C","amount_minor":50,"tax_rate_bp":700},{"description":"D","amount_minor":7,"tax_rate_bp":0}]"#;
    let call = format!("issue_invoice('{acme}', null, 'manual', 'EUR', null, null, '{lines}', now())");
    books.call(&call).await.unwrap();
    let shown = "select string_agg(format('%s %s %s %s %s', l.kind, l.quantity, l.unit_minor, l.tax_rate_bp, l.amount_minor), ', ' order by l.position)
        from tenant.invoice_lines l join tenant.invoices i using (tenant_id) where l.invoice_id = i.id and i.total_minor = 359";
    // 250 at 19 % is 47.5, and 50 at 7 % is 3.5.
    assert_eq!(
        books.db.value::<String>(shown).await,
        "item 3 50 1900 150, item 1 100 1900 100, item 1 50 700 50, item 1 7 0 7, tax 1 250 1900 48, tax 1 50 700 4"
    );
    books.balance().await;
}

#[tokio::test]
async fn an_invoice_is_paid_in_parts_and_no_more_than_is_owed() {
    let books = Books::open().await;
    let acme = town().acme.id;
    let invoice = books.invoice(10_000, 1900).await;
    assert_eq!(books.state(invoice).await, ("open".to_owned(), 0, 0));
    let pay = |amount: i64, reference: &str| {
        format!("record_payment('{acme}', '{invoice}', {amount}, '{reference}', now(), 'me')")
    };
    books.call(&pay(4_000, "one")).await.unwrap();
    // The same once more is the same payment; the same reference with another amount is refused, and so is more than is owed.
    books.call(&pay(4_000, "one")).await.unwrap();
    assert_eq!(books.call(&pay(4_001, "one")).await, Err("RH065".to_owned()));
    assert_eq!(books.call(&pay(7_901, "two")).await, Err("RH065".to_owned()));
    assert_eq!(books.state(invoice).await, ("open".to_owned(), 4_000, 0));
    // Nothing was paid of what is made void.
    assert_eq!(
        books.call(&format!("void_invoice('{acme}', '{invoice}', now(), 'me', '')")).await,
        Err("RH068".to_owned())
    );
    books.call(&pay(7_900, "two")).await.unwrap();
    assert_eq!(books.state(invoice).await, ("paid".to_owned(), 11_900, 0));
    assert_eq!(books.call(&pay(1, "three")).await, Err("RH064".to_owned()));
    books.balance().await;

    let canceled = books.invoice(100, 0).await;
    books.call(&format!("void_invoice('{acme}', '{canceled}', now(), 'me', 'twice')")).await.unwrap();
    let late = format!("record_payment('{acme}', '{canceled}', 100, 'late', now(), 'me')");
    assert_eq!(books.call(&late).await, Err("RH064".to_owned()));
    // What a provider has taken for it all the same is the tenant's.
    let before = books.account("customer_credit").await;
    let taken = format!("merge_payment('{acme}', '{canceled}', 'stripe', 'pi_1', 'EUR', 100, 0, now(), 'stripe')");
    books.call(&taken).await.unwrap();
    assert_eq!(books.account("customer_credit").await, before - 100);
    let other = format!("merge_payment('{acme}', '{canceled}', 'stripe', 'pi_2', 'USD', 100, 0, now(), 'stripe')");
    assert_eq!(books.call(&other).await, Err("RH066".to_owned()));
    books.balance().await;
}

#[tokio::test]
async fn what_is_given_back_is_credited_and_credit_is_taken_off_the_next_invoice() {
    let books = Books::open().await;
    let acme = town().acme.id;
    let invoice = books.invoice(10_000, 1900).await;
    books.call(&format!("record_payment('{acme}', '{invoice}', 11900, 'r', now(), 'me')")).await.unwrap();
    let payment = "select id::text from tenant.payments where reference = 'r'";
    let payment = books.db.value::<String>(payment).await;
    let refund = |amount: i64| format!("record_refund('{acme}', '{payment}', {amount}, now(), 'me', 'broken')");
    let (cash, returns, tax) =
        (books.account("cash_manual").await, books.account("sales_returns").await, books.account("tax_payable").await);
    books.call(&refund(3)).await.unwrap();
    books.call(&refund(1_187)).await.unwrap();
    assert_eq!(books.call(&refund(10_711)).await, Err("RH065".to_owned()));
    assert_eq!(books.state(invoice).await, ("paid".to_owned(), 11_900, 1_190));
    assert_eq!(books.account("cash_manual").await, cash - 1_190);
    let untaxed = books.account("sales_returns").await - returns;
    assert_eq!(untaxed + books.account("tax_payable").await - tax, 1_190);
    assert!((999..=1_001).contains(&untaxed), "the rest of it is tax: {untaxed}");
    books.balance().await;

    // A credit note on what was paid is credit, which the next invoice is paid from.
    books.call(&format!("credit_invoice('{acme}', '{invoice}', 1000, now(), 'me', '')")).await.unwrap();
    let next = books.invoice(700, 0).await;
    assert_eq!(books.state(next).await, ("paid".to_owned(), 700, 0));
    let after = books.invoice(700, 0).await;
    assert_eq!(books.state(after).await, ("open".to_owned(), 300, 0));
    // On what is owed it is owed no more.
    books.call(&format!("credit_invoice('{acme}', '{after}', 400, now(), 'me', '')")).await.unwrap();
    assert_eq!(books.state(after).await, ("paid".to_owned(), 700, 400));
    books.call(&format!("credit_invoice('{acme}', '{after}', 301, now(), 'me', '')")).await.unwrap_err();
    books.balance().await;

    // A plan that is changed for less: more comes back than is billed.
    let lines = r#"[{"kind":"credit","plan":"team","amount_minor":-500},{"kind":"plan","plan":"free","period":"month","amount_minor":100}]"#;
    books.call(&format!("issue_invoice('{acme}', null, 'change', 'EUR', null, null, '{lines}', now())")).await.unwrap();
    let balance = format!("select coalesce(sum(amount_minor), 0)::bigint from registry.open_balance('{acme}')");
    let owed = books.number(&balance).await;
    books
        .call(&format!("write_off_invoice('{acme}', '{}', now(), 'me', '')", books.invoice(5_000, 0).await))
        .await
        .unwrap();
    assert!(owed < 6_900, "what the fixture owes is less the credit: {owed}");
    books.balance().await;
}

#[tokio::test]
async fn an_entry_that_does_not_balance_is_refused_at_commit_whoever_writes_it() {
    let books = Books::open().await;
    let (acme, superuser) = (town().acme.id, books.db.superuser().await);
    for (amounts, balances) in [("100, -100", true), ("100, -99", false), ("100", false)] {
        let rows: Vec<String> = amounts
            .split(", ")
            .enumerate()
            .map(|(n, amount)| format!("('{acme}', '{acme}', {}, 'accounts_receivable', 'EUR', {amount})", n + 1))
            .collect();
        let entry = format!(
            "begin;
             insert into tenant.journal_entries (tenant_id, id, kind, booked_at, made_by) values ('{acme}', '{acme}', 'payment', now(), 'eve');
             insert into tenant.postings (tenant_id, entry_id, position, account, currency, amount_minor) values {};
             {}",
            rows.join(", "),
            if balances { "set constraints all immediate; rollback" } else { "commit" }
        );
        let refused = superuser.batch_execute(&entry).await.err();
        let code = refused.as_ref().map(|error| error.code().unwrap().code().to_owned());
        assert_eq!(code, (!balances).then(|| "23514".to_owned()), "{amounts}");
        superuser.batch_execute("rollback").await.unwrap();
    }
    // In two currencies each has to.
    let mixed = format!(
        "begin;
         insert into tenant.journal_entries (tenant_id, id, kind, booked_at, made_by) values ('{acme}', '{acme}', 'payment', now(), 'eve');
         insert into tenant.postings values ('{acme}', '{acme}', 1, 'cash_manual', 'EUR', 5), ('{acme}', '{acme}', 2, 'cash_manual', 'USD', -5); commit"
    );
    assert_eq!(superuser.batch_execute(&mixed).await.unwrap_err().code().unwrap().code(), "23514");
}

#[tokio::test]
async fn what_was_booked_or_issued_stays_whoever_asks() {
    let books = Books::open().await;
    let superuser = books.db.superuser().await;
    for statement in [
        "update tenant.journal_entries set note = 'x'",
        "delete from tenant.journal_entries",
        "update tenant.postings set amount_minor = 0",
        "delete from tenant.postings",
        "truncate tenant.postings",
        "truncate tenant.journal_entries, tenant.postings",
        "update registry.document_numbers set number = number + 1000",
        "delete from registry.document_numbers",
        "update tenant.invoices set total_minor = 0, subtotal_minor = 0, tax_minor = 0",
        "update tenant.invoices set number = 'INV-0'",
        "update tenant.invoices set status = 'draft', number = null, issued_at = null",
        "update tenant.invoices set settled_minor = 0",
        "update tenant.invoice_lines set description = 'x'",
        "delete from tenant.invoice_lines",
    ] {
        let refused = superuser.batch_execute(statement).await.expect_err(statement);
        assert_eq!(refused.code().unwrap().code(), "RH069", "{statement}");
    }
    books.balance().await;
}

/// Each table of the books and each function that books, by each role that serves: none of them writes anything, under whatever
/// settings, and none calls a function.
#[tokio::test]
async fn nobody_who_serves_books_anything_by_any_statement() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let (acme, owner) = (town().acme.id, town().acme.owner.id);
    let functions = "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'registry'::regnamespace and p.proname in (
            'book', 'hold_balance', 'draft_invoice', 'finalize_invoice', 'issue_invoice', 'credit_invoice', 'merge_payment', 'record_payment',
            'record_refund', 'void_invoice', 'write_off_invoice', 'open_balance', 'hold_invoice') order by 1";
    let functions: Vec<String> = superuser.query(functions, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(functions.len(), 13);
    let tables = [
        "tenant.invoices",
        "tenant.invoice_lines",
        "tenant.payments",
        "tenant.journal_entries",
        "tenant.postings",
        "tenant.balances",
        "registry.sellers",
        "registry.number_series",
        "registry.document_numbers",
    ];
    for role in ["rowhouse_api", "rowhouse_gate", "rowhouse_worker", "rowhouse_platform"] {
        for function in &functions {
            let may = format!("select has_function_privilege('{role}', '{function}', 'execute')");
            assert!(!db.value::<bool>(&may).await, "{role} may call {function}");
        }
        let client = db.client(role).await;
        for table in tables {
            let columns = format!(
                "select string_agg(quote_ident(attname), ', ') from pg_attribute where attrelid = '{table}'::regclass and attnum > 0"
            );
            let columns = db.value::<String>(&columns).await;
            for statement in [
                format!("insert into {table} default values"),
                format!("insert into {table} ({columns}) select {columns} from {table}"),
                format!("update {table} set {} = default", columns.split(", ").last().unwrap()),
                format!("delete from {table}"),
                format!("truncate {table}"),
                format!("copy {table} from stdin"),
                format!("merge into {table} t using (select 1) s on true when matched then delete"),
                format!("lock table {table} in share mode"),
                format!("alter table {table} disable trigger all"),
            ] {
                let begin = format!(
                    "begin; set local app.tenant_id = '{acme}'; set local app.user_id = '{owner}'; set local app.session_id = '{owner}'; {statement}"
                );
                let refused = client.batch_execute(&begin).await.expect_err(&begin);
                let code = refused.code().unwrap().code().to_owned();
                assert!(["42501", "0A000"].contains(&code.as_str()), "{role}: {statement}: {refused:?}");
                client.batch_execute("rollback").await.unwrap();
            }
        }
    }
}
