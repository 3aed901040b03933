class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

%w[soft_deletion user collection entity relationship medium job].each { |name| require "models/#{name}" }
