# What every start goes through: the web server, rake, bin/kor and `rails r`.
require 'bundler/setup'

Encoding.default_external = Encoding::UTF_8
$LOAD_PATH.unshift File.expand_path('../lib', __dir__)

require 'kor'
Kor.boot
