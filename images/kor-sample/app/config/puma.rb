threads 5, 5
port 3000
environment ENV.fetch('RAILS_ENV', 'production')

# This directory is not in the image: without --pidfile the server ends at once, as the real one does.
pidfile 'tmp/pids/server.pid'
