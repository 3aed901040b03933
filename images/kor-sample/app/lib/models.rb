class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

%w[user collection entity relationship medium].each { |name| require "models/#{name}" }
