-- A member's, in the order in which they are read on (queries/live/notifications).
create index concurrently notifications_order_idx on tenant.notifications (tenant_id, user_id, epoch, xid, id);
