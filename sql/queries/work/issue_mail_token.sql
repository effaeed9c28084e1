select full_name from registry.issue_mail_token($1, $2, $3, ($4::text)::interval, $5)
