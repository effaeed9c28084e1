-- What says by its id when it was made (RFC 9562 §5.7) cannot have been made beyond the year 9999, which nobody could
-- write down (RFC 3339 §5.6): one id at random among ten would, and the list it stands in could not be read any more.
alter table tenant.products
    add constraint products_id_check check (id < 'e6000000-0000-0000-0000-000000000000');
alter table tenant.notifications
    add constraint notifications_id_check check (id < 'e6000000-0000-0000-0000-000000000000');
