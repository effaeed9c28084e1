select 'the role ' || current_user || ' ' || complaint as complaint from audit.posture
