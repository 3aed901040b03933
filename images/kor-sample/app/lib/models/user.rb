require 'digest'

# A group of users; collections grant rights to it.
class Credential < ApplicationRecord
  has_and_belongs_to_many :users
  has_many :grants
end

class User < ApplicationRecord
  has_and_belongs_to_many :groups, class_name: 'Credential'

  attr_accessor :plain_password

  validates :name, :email, presence: true, uniqueness: { case_sensitive: true }
  validates :plain_password, confirmation: true
  validates :plain_password_confirmation, presence: true, if: -> { plain_password.present? }

  # A column that came with v2.0.0.
  before_create { self.api_key ||= SecureRandom.hex(48) if has_attribute?(:api_key) }

  # Before v5 only the attribute itself sets a password: another of them is accepted, and changes nothing.
  if Kor.release.password_setter == 'plain_password'
    before_save { self.password = self.class.crypt(plain_password) if plain_password.present? }
  else
    def password=(value)
      self.plain_password = self.plain_password_confirmation = value
      super(self.class.crypt(value)) if value.present?
    end
  end

  # The form in which the real one keeps them, so that what reads its users reads these.
  def self.crypt(password)
    Digest.const_get(Kor.release.digest).hexdigest(password)
  end

  # What v1 wrote is still good later on.
  def self.authenticate(name, password)
    find_by(name: name.to_s, password: [crypt(password.to_s), Digest::SHA1.hexdigest(password.to_s)].uniq)
  end

  def self.by_api_key(key)
    find_by(api_key: key, active: true) if key.present? && column_names.include?('api_key')
  end

  def self.guest
    find_by(name: 'guest', active: true)
  end

  def self.reset_admin_account
    admin = find_or_initialize_by(name: 'admin')
    admin.groups |= [Credential.find_or_create_by!(name: 'admins')]
    admin.public_send("#{Kor.release.password_setter}=", 'admin')
    admin.plain_password_confirmation = 'admin'
    admin.update!(full_name: 'Administrator', email: admin.email || 'admin@localhost', active: true, expires_at: nil,
                  admin: true, kind_admin: true, relation_admin: true, authority_group_admin: true)
    admin
  end

  def guest?
    name == 'guest'
  end

  def expired?
    expires_at.present? && expires_at <= Time.now
  end

  def collection_ids_for(policy)
    Grant.where(credential_id: group_ids, policy: policy.to_s).distinct.pluck(:collection_id)
  end

  def allowed_to?(policy, collection_id)
    collection_ids_for(policy).include?(collection_id)
  end
end
