select 'connected as ' || current_user || ', which is not the role that serves: ' || $1::text as complaint
where current_user <> $1::text
