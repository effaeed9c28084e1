-- id: leakproof
-- severity: error
-- finds: a function marked LEAKPROOF that PostgreSQL does not ship so
-- why: a leakproof function may run before the policy does, on rows the policy would hide, and can print, store
--   or measure them. PostgreSQL's own were checked for that; only a superuser can mark others.
--   The shipped ones are listed below by oid, which PostgreSQL never reuses. A later major than 18 is judged for
--   functions made there only.
-- mend: alter function … not leakproof
with shipped (first, last, since) as (
    values
        (56, 57, 13), (60, 70, 13), (72, 74, 13), (84, 84, 13), (144, 151, 13), (157, 169, 13), (184, 185, 13),
        (240, 253, 13), (287, 310, 13), (350, 351, 13), (354, 356, 13), (358, 360, 13), (377, 377, 13),
        (404, 404, 13), (458, 459, 13), (467, 472, 13), (474, 479, 13), (619, 619, 13), (655, 659, 13),
        (677, 681, 13), (716, 717, 13), (740, 743, 13), (830, 836, 13), (842, 842, 13), (852, 857, 13),
        (888, 893, 13), (920, 926, 13), (999, 999, 13), (1048, 1053, 13), (1063, 1064, 13), (1078, 1078, 13),
        (1086, 1092, 13), (1102, 1107, 13), (1145, 1145, 13), (1152, 1157, 13), (1162, 1167, 13), (1246, 1246, 13),
        (1265, 1265, 13), (1292, 1292, 13), (1314, 1315, 13), (1319, 1319, 13), (1352, 1358, 13), (1462, 1467, 13),
        (1482, 1486, 13), (1581, 1582, 13), (1592, 1596, 13), (1638, 1639, 13), (1666, 1672, 13), (1691, 1693, 13),
        (1850, 1861, 13), (1948, 1954, 13), (2045, 2045, 13), (2052, 2057, 13), (2160, 2161, 13), (2163, 2164, 13),
        (2166, 2166, 13), (2174, 2175, 13), (2177, 2178, 13), (2180, 2180, 13), (2188, 2195, 13), (2311, 2311, 13),
        (2321, 2321, 13), (2790, 2794, 13), (2954, 2960, 13), (3231, 3236, 13), (3251, 3251, 13), (3308, 3309, 13),
        (3419, 3422, 13), (3432, 3432, 13), (3696, 3696, 13), (4113, 4119, 13), (5034, 5037, 13), (5084, 5085, 13),
        (5096, 5096, 13),
        (235, 236, 14), (311, 311, 14), (313, 313, 14), (316, 316, 14), (318, 318, 14), (406, 407, 14), (409, 409, 14),
        (481, 482, 14), (652, 652, 14), (754, 754, 14), (1288, 1288, 14), (1370, 1370, 14), (1400, 1401, 14),
        (1740, 1740, 14), (1742, 1743, 14), (1781, 1782, 14), (2557, 2558, 14), (4123, 4123, 14),
        (6342, 6343, 17),
        (6364, 6365, 18), (6367, 6369, 18), (6393, 6394, 18)
), major as (
    select current_setting('server_version_num')::integer / 10000 as major
)
select quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as object,
       case when p.oid < 16384 then 'a function of PostgreSQL that it does not ship as leakproof'
            else format('made here, owned by %s', p.proowner::regrole) end as detail,
       format('alter function %I.%I(%s) not leakproof', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as fix
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
cross join major
where p.proleakproof
  and case when p.oid < 16384
           then major.major <= 18
                and not exists (select from shipped s where p.oid between s.first and s.last and s.since <= major.major)
           else not exists (
                select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') end
order by 1;
