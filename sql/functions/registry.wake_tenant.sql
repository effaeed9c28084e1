-- Trigger with its owner's rights: a tenant in which a job was written down, or waits again, wakes: from when the first of them is due
-- it waits for a turn (tenant.job_heads.ready_at).
-- Why with rights of its own: nobody who serves may say when a tenant's turn is. It is no door, nobody can call it; which tenant, the
-- changed row says.
--
-- No wake-up is lost, and those who write jobs do not wait for one another's transactions: it runs at their end (a constraint trigger that is
-- deferred), so whoever finds awake what another has just woken waits for no more than a COMMIT.
-- It takes the head's row `for key share`, and then looks whether it is awake. That lock hinders neither another like it nor a
-- change of ready_at (`for no key update`, as registry.claim_turn does), and what it reads is the newest version that is committed. Only
-- putting a head to sleep (registry.take_jobs) takes the row `for update`, which the key share does hinder, and does not wait for it. So either
--   * the lock of whoever writes a job is there first: nobody puts the head to sleep before that transaction has ended, and whoever
--     does it afterwards looks for jobs with a snapshot of after that, and sees this one; or
--   * the lock of whoever puts it to sleep is there first: this trigger waits for that transaction, which has nothing to wait for, reads
--     that the head sleeps, and wakes it.
-- A head that is awake is not written: a thousand writers of one tenant leave it alone.
create or replace function registry.wake_tenant() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    -- Whoever waited for one that has ended, in its order, may be due now.
    due constant timestamptz := case when new.state = 'waiting' then greatest(new.run_at, now()) else now() end;
    ready timestamptz;
begin
    select h.ready_at into ready from tenant.job_heads h where h.tenant_id = new.tenant_id for key share;
    if ready > clock_timestamp() and due < ready then
        update tenant.job_heads h set ready_at = due where h.tenant_id = new.tenant_id and h.ready_at > due;
    end if;
    return null;
end
$$;
alter function registry.wake_tenant() owner to rowhouse_writers;
revoke all on function registry.wake_tenant() from public;
comment on function registry.wake_tenant() is
    'Nobody who serves may say when a tenant''s turn is; which tenant has a job, the changed row says.';
