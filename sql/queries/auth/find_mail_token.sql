select email, full_name from registry.find_mail_token($1, $2)
