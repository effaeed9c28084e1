-- Trigger with its owner's rights: a tenant in which a job was written down, or waits again, wakes: from when the first of them is due
-- it waits for a turn (tenant.job_heads.ready_at).
-- Why with rights of its own: nobody who serves may say when a tenant's turn is. It is no door, nobody can call it; which tenants, the
-- changed rows say.
--
-- No wake-up is lost, and those who write jobs of a tenant that is awake do not wait for one another; whoever wakes a tenant that sleeps
-- is waited for by others who find it asleep, until they have committed. Who writes one takes the head's row `for key share`, and then
-- looks whether it is awake. That lock hinders neither another like it nor a change of ready_at (`for no key update`, as
-- registry.claim_turn does), and what it reads is the newest version that is committed. Only putting a head to sleep
-- (registry.take_jobs) takes the row `for update`, which the key share does hinder, and does not wait for it. So either
--   * the lock of whoever writes a job is there first: nobody puts the head to sleep before that transaction has ended, and whoever
--     does it afterwards looks for jobs with a snapshot of after that, and sees this one; or
--   * the lock of whoever puts it to sleep is there first: this trigger waits for that transaction, which has nothing to wait for, reads
--     that the head sleeps, and wakes it.
-- A head that is awake is not written: a thousand writers of one tenant leave it alone.
create or replace function registry.wake_jobs() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    whose uuid;
    due timestamptz;
    ready timestamptz;
begin
    for whose, due in
        -- Whoever waited for one that has ended, in its order, may be due now.
        select c.tenant_id, min(case when c.state = 'waiting' then greatest(c.run_at, now()) else now() end)
        from changed c
        where c.state = 'waiting' or c.order_key is not null and c.finished_at is not null
        group by c.tenant_id order by c.tenant_id
    loop
        select h.ready_at into ready from tenant.job_heads h where h.tenant_id = whose for key share;
        if ready > clock_timestamp() and due < ready then
            update tenant.job_heads h set ready_at = due where h.tenant_id = whose and h.ready_at > due;
        end if;
    end loop;
    return null;
end
$$;
alter function registry.wake_jobs() owner to rowhouse_writers;
revoke all on function registry.wake_jobs() from public;
comment on function registry.wake_jobs() is
    'Nobody who serves may say when a tenant''s turn is; which tenants have jobs, the changed rows say.';
