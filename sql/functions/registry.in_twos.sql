-- Folded text with each run of a script that leaves no space between words (Thai, Lao, Burmese, Khmer, kana, Han) as its
-- pairs of letters, each overlapping the one before: 日本語 is 日本 本語. A letter alone stays one. Each letter is written
-- twice, the space between, and the halves at both ends go; a pass over the text each, whatever it holds.
create or replace function registry.in_twos(folded text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    if octet_length(folded) = char_length(folded)
         or folded !~ '[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]' then
        return folded;
    end if;
    return regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(folded,
        '([\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)', ' \1 ', 'g'),
        '([\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])', '\1 \1', 'g'),
        '(^| )[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff] (?=[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])', '\1', 'g'),
        '([\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]) [\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff](?= |$)', '\1', 'g'),
        ' +', ' ', 'g');
end
$$;
alter function registry.in_twos(text) owner to rowhouse_owner;
revoke all on function registry.in_twos(text) from public;
grant execute on function registry.in_twos(text) to rowhouse_api, rowhouse_worker;
