-- id: server-version
-- severity: warning
-- finds: a server older than the last fix that row level security rests on
-- why: policies were passed over, or applied for the wrong role, in CVE-2016-2193, CVE-2017-7484,
--   CVE-2017-15099, CVE-2019-10130, CVE-2023-2454, CVE-2023-2455, CVE-2023-39418, CVE-2024-4317,
--   CVE-2024-10976, CVE-2024-10978, CVE-2025-8713, CVE-2026-14666, CVE-2026-116311, CVE-2026-116327,
--   CVE-2026-120154 and CVE-2026-16237. 13 and older get no fixes any more.
-- mend: upgrade to 18.6, 17.12, 16.16, 15.20 or 14.25, or later
with server as (
    select current_setting('server_version_num')::integer / 10000 as major,
           current_setting('server_version_num')::integer % 10000 as minor
), fixed (major, minor) as (
    values (14, 25), (15, 20), (16, 16), (17, 12), (18, 6)
)
select format('PostgreSQL %s.%s', s.major, s.minor) as object,
       case when f.major is null then 'this major gets no fixes any more'
            else format('%s.%s has fixes that row level security rests on', f.major, f.minor) end as detail,
       case when f.major is null then 'upgrade to PostgreSQL 18' else format('upgrade to %s.%s or later', f.major, f.minor) end as fix
from server s
left join fixed f on f.major = s.major
where s.minor < f.minor or s.major < 14
order by 1;
