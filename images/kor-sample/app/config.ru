require_relative 'config/application'
require 'kor/web'

Kor::Web::Trouble.begin
run Kor::Web.new
