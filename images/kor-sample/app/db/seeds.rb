admins = Credential.find_or_create_by!(name: 'admins')
guests = Credential.find_or_create_by!(name: 'guests')

User.reset_admin_account
guest = User.find_or_initialize_by(name: 'guest')
guest.groups |= [guests]
# No password: nobody can log in as guest, everybody who has not logged in is guest.
guest.update!(full_name: 'Guest', email: 'guest@localhost', active: true)

# Unlike the real one's: guests may look, so that a demonstration shows something at once.
collection = Collection.find_or_create_by!(name: 'Default')
collection.grant(admins, *Collection::POLICIES)
collection.grant(guests, 'view')

Kind.find_or_create_by!(uuid: Kind::MEDIA_UUID, name: 'medium', plural_name: 'media')
{ 'person' => 'people', 'work' => 'works', 'institution' => 'institutions' }.each do |name, plural|
  Kind.find_or_create_by!(name: name) { |kind| kind.plural_name = plural }
end
