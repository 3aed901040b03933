class Kor::Web < Sinatra::Base
  # One line for each request.
  class RequestLog
    def initialize(app)
      @app = app
    end

    def call(env)
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      status, headers, body = @app.call(env)
      spent = ((Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000).round
      Kor.logger.info("#{env['REQUEST_METHOD']} #{env['PATH_INFO']} #{status} in #{spent} ms")
      [status, headers, body]
    end
  end

  # A connection that was given back is looked at before it is used again, and made anew where the
  # database was away meanwhile.
  class ReturnConnections
    def initialize(app)
      @app = app
    end

    def call(env)
      @app.call(env)
    ensure
      ActiveRecord::Base.clear_active_connections!
    end
  end

  # Such a server starts, and then fails at each request.
  class MissingSecret
    MESSAGE = "Missing `secret_token` and `secret_key_base` for 'production' environment, set these values in `config/secrets.yml`"

    def initialize(_app); end

    def call(_env)
      Kor.logger.fatal(MESSAGE)
      [500, { 'content-type' => 'text/plain' }, ["Internal Server Error\n"]]
    end
  end
end
