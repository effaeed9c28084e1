create index on public.goods (part);
analyze public.goods;
