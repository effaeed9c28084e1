-- What else a tenant decides for itself, what the platform decides for all, and what people are told.

alter table tenant.settings
    -- The day that weeks of the dashboard begin with.
    add column week_starts         text    collate "C" not null default 'monday'
               constraint settings_week_starts_check check (week_starts in ('monday', 'sunday')),
    -- Units in stock at or below which a product is running low.
    add column low_stock_threshold integer not null default 5
               constraint settings_low_stock_threshold_check check (low_stock_threshold between 0 and 1000000);
