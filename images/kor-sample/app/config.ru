require_relative 'config/application'
require 'kor/web'

run Kor::Web.new
